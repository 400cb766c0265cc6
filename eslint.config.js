import jest from "eslint-plugin-jest";
import node from "eslint-plugin-n";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

// Only these read the environment: one typed configuration a program, and the tools that start programs.
const readsEnvironment = ["**/config.ts", "test/**", "tools/**"];

export default defineConfig(
  { ignores: ["dist/", "node_modules/", "eslint.config.js", ".dependency-cruiser.cjs", "jest.config.js"] },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { n: node },
    rules: {
      complexity: ["error", 12],
      "max-depth": ["error", 3],
      "max-lines": ["error", { max: 250, skipBlankLines: true, skipComments: true }],
      "max-params": ["error", 4],
      "n/no-process-env": "error",
      // By that name come zod's texts in fifty languages, half a megabyte of each program that starts.
      "no-restricted-syntax": [
        "error",
        {
          selector: 'ImportDeclaration[importKind!="type"][source.value="zod"] > ImportSpecifier',
          message: 'write: import * as z from "zod"',
        },
      ],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  { files: readsEnvironment, rules: { "n/no-process-env": "off" } },
  {
    files: ["**/*.test.ts"],
    plugins: { jest },
    rules: {
      ...jest.configs["flat/recommended"].rules,
      "jest/expect-expect": ["error", { assertFunctionNames: ["expect*", "fc.assert", "**.expect*"] }],
      "jest/no-conditional-expect": "off",
      "jest/no-standalone-expect": "off", // tests that may be skipped are made by testOn()
      "max-lines": "off",
    },
  },
);
