// One project a tier. Unit tests stand beside their source; the other tiers bring up real parts (docs/testing.md).
const shared = {
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2023" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
};

const tier = (name, testMatch) => ({ ...shared, displayName: name, testMatch });

export default {
  projects: [
    tier("unit", [
      "<rootDir>/{common,certs,webhook,node-agent,tools}/**/*.test.ts",
      "<rootDir>/test/{demo,lab,model}/**/*.test.ts",
    ]),
    tier("apiserver", ["<rootDir>/test/apiserver/**/*.test.ts"]),
    tier("runtime", ["<rootDir>/test/runtime/**/*.test.ts"]),
    tier("kernels", ["<rootDir>/test/kernels/**/*.test.ts"]),
    tier("cluster", ["<rootDir>/test/cluster/**/*.test.ts"]),
  ],
};
