import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { must } from "./exec.ts";

/** Paths of a certificate and its key, both PEM. */
interface KeyPair {
  certificate: string;
  key: string;
}

interface CertificateRequest {
  /** File name without extension. */
  name: string;
  /** User (clients) or host. */
  commonName: string;
  /** Kubernetes groups, clients only. */
  organization?: string;
  /** `IP:127.0.0.1` or `DNS:localhost`, servers only. */
  alternativeNames?: readonly string[];
}

/** The lab's own certificate authority: EC P-256, made anew for each `up`. */
export interface Pki {
  readonly directory: string;
  readonly ca: KeyPair;
  issue(request: CertificateRequest): Promise<KeyPair>;
  /** The text of a kubeconfig with its certificates inside, so that it may be copied to a node. */
  kubeconfig(request: CertificateRequest, server: string): Promise<string>;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"];

/** Makes a new authority in `directory`. Needs OpenSSL 3. */
export async function createPki(directory: string): Promise<Pki> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { certificate, key } = pairOf(directory, "ca");
  await must("openssl", [
    ...["req", "-x509", ...NEW_KEY, "-days", "30", "-subj", "/CN=schedgate-lab"],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"],
    ...["-keyout", key, "-out", certificate],
  ]);
  return openPki(directory);
}

function openPki(directory: string): Pki {
  const ca = pairOf(directory, "ca");
  const issue = async (request: CertificateRequest): Promise<KeyPair> => {
    const pair = pairOf(directory, request.name);
    await must("openssl", issueArguments(request, ca, pair));
    return pair;
  };
  const base64 = async (path: string): Promise<string> => (await readFile(path)).toString("base64");
  return {
    directory,
    ca,
    issue,
    kubeconfig: async (request, server) => {
      const pair = await issue(request);
      return kubeconfigText(
        server,
        await base64(ca.certificate),
        await base64(pair.certificate),
        await base64(pair.key),
      );
    },
  };
}

/** The key that signs service account tokens, in `path`. EC: an RSA key takes most of a second to make.
 * The API server takes its public half from the old PEM form, "EC PRIVATE KEY", only. */
export async function createServiceAccountKey(path: string): Promise<void> {
  await writeFile(path, await must("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]), {
    mode: 0o600,
  });
}

function pairOf(directory: string, name: string): KeyPair {
  return { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
}

function issueArguments(request: CertificateRequest, ca: KeyPair, pair: KeyPair): string[] {
  const { commonName, organization, alternativeNames = [] } = request;
  const server = alternativeNames.length > 0;
  return [
    ...["req", "-x509", "-CA", ca.certificate, "-CAkey", ca.key, ...NEW_KEY, "-days", "30"],
    ...["-set_serial", `0x01${randomBytes(8).toString("hex")}`],
    ...["-subj", `${organization === undefined ? "" : `/O=${organization}`}/CN=${commonName}`],
    ...["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,digitalSignature"],
    ...["-addext", `extendedKeyUsage=${server ? "serverAuth" : "clientAuth"}`],
    ...(server ? ["-addext", `subjectAltName=${alternativeNames.join(",")}`] : []),
    ...["-keyout", pair.key, "-out", pair.certificate],
  ];
}

/** kubectl and every component read JSON as well as YAML. */
function kubeconfigText(server: string, ca: string, certificate: string, key: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "lab", cluster: { server, "certificate-authority-data": ca } }],
    users: [{ name: "lab", user: { "client-certificate-data": certificate, "client-key-data": key } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
    "current-context": "lab",
  });
}
