import { describe, expect, test } from "@jest/globals";
import { asksForIsolation, identify, parseBundle } from "./bundle.ts";
import { parseHookState } from "./hook-state.ts";

const uid = "86901f91-4221-4d22-b134-b0071cd68c15";
const containerd = {
  "io.kubernetes.cri.container-type": "container",
  "io.kubernetes.cri.container-name": "main",
  "io.kubernetes.cri.sandbox-name": "p1",
  "io.kubernetes.cri.sandbox-namespace": "trading",
  "io.kubernetes.cri.sandbox-uid": uid,
};
const crio = {
  "io.kubernetes.cri-o.ContainerType": "container",
  "io.kubernetes.container.name": "main",
  "io.kubernetes.pod.name": "p1",
  "io.kubernetes.pod.namespace": "trading",
  "io.kubernetes.pod.uid": uid,
};
const bundle = (annotations: object, cgroupsPath = "") =>
  parseBundle(JSON.stringify({ annotations, linux: { cgroupsPath } }));
const known = { sandbox: false, namespace: "trading", pod: "p1", podUID: uid, container: "main" };

describe("a container's identity", () => {
  test.each([
    ["containerd", containerd],
    ["CRI-O", crio],
  ])("is read from the annotations of %s", (_, annotations) => {
    expect(identify(bundle(annotations))).toEqual(known);
  });

  test("is CRI-O's where a tenant wrote containerd's annotations on the pod", () => {
    const forged = { "io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.container-name": "x" };
    const uidToo = { "io.kubernetes.cri.sandbox-uid": "another", "io.kubernetes.cri.sandbox-name": "x" };
    expect(identify(bundle({ ...forged, ...uidToo, ...crio }))).toEqual(known);
  });

  test("has the uid of the cgroup path, whatever an annotation says", () => {
    const forged = { ...containerd, "io.kubernetes.cri.sandbox-uid": "another" };
    expect(identify(bundle(forged, `/kubepods/pod${uid}/abc`)).podUID).toBe(uid);
  });

  test.each([
    `/kubepods/pod${uid}/abc`,
    `/kubepods/burstable/pod${uid}/abc`,
    `kubepods-pod${uid.replaceAll("-", "_")}.slice:cri-containerd:abc`,
    `kubepods-burstable-pod${uid.replaceAll("-", "_")}.slice:crio:abc`,
  ])("takes the uid of the pod from %s where containerd before 1.7 does not tell it", (path) => {
    const { "io.kubernetes.cri.sandbox-uid": _, ...old } = containerd;
    expect(identify(bundle(old, path)).podUID).toBe(uid);
  });
});

describe("a bundle asks", () => {
  test.each<[boolean, Record<string, string>]>([
    [true, { "schedgate.dev/cpu-isolation": "enabled" }],
    [true, { "cpu-isolation.schedgate.dev/main": "enabled" }],
    [true, { "schedgate.dev/cpu-isolation": "disabled", "cpu-isolation.schedgate.dev/main": "enabled" }],
    [false, { "schedgate.dev/cpu-isolation": "enabled", "cpu-isolation.schedgate.dev/main": "disabled" }],
    [false, { "cpu-isolation.schedgate.dev/other": "enabled" }],
    [false, { "schedgate.dev/cpu-isolation": "Enabled" }],
    [false, { "schedgate.dev/cpu-isolation": "enabled", "io.kubernetes.cri.container-type": "sandbox" }],
    [false, {}],
  ])("%j: %j", (asks, annotations) => {
    expect(asksForIsolation(bundle({ ...containerd, ...annotations }))).toBe(asks);
  });
});

describe("config.json", () => {
  test("may lack everything", () => {
    for (const text of ["{}", "null", '{"annotations":null,"linux":null}']) {
      expect(parseBundle(text)).toEqual({ annotations: {}, cgroupsPath: "", shares: undefined });
    }
  });

  test("gives path and shares", () => {
    const text = JSON.stringify({ linux: { cgroupsPath: "/a", resources: { cpu: { shares: 2048 } } } });
    expect(parseBundle(text)).toMatchObject({ cgroupsPath: "/a", shares: 2048 });
  });
});

describe("a hook's state", () => {
  test("needs id and bundle; a poststop has no pid", () => {
    expect(parseHookState('{"id":"a","bundle":"/b","status":"stopped"}')).toEqual({
      id: "a",
      bundle: "/b",
      pid: 0,
    });
  });

  test("is read the same from crun, whatever it calls the moment, without a pid and with more", () => {
    const root = "/b/rootfs";
    const crun = { ociVersion: "1.0", id: "a", pid: 7, root, bundle: "/b", status: "created" };
    for (const status of ["creating", "created", "starting", "running"])
      expect(parseHookState(JSON.stringify({ ...crun, status }))).toEqual({ id: "a", bundle: "/b", pid: 7 });
    expect(parseHookState(JSON.stringify({ ...crun, pid: undefined })).pid).toBe(0);
  });

  test("that cannot be used says why", () => {
    expect(() => parseHookState('{"id":"a"}')).toThrow("no id and bundle");
    expect(() => parseHookState("")).toThrow("not JSON");
  });
});
