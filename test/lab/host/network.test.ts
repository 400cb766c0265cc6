import { describe, expect, test } from "@jest/globals";
import { linksWith } from "./network.ts";

describe("linksWith", () => {
  test("names the links that carry an address", () => {
    const links = [
      { ifname: "lo", addr_info: [{ local: "127.0.0.1" }, { local: "10.213.255.1" }] },
      { ifname: "veth1", addr_info: [{ local: "10.213.0.1" }] },
      { ifname: "ifb0", addr_info: [] },
    ];
    expect(linksWith(links, "10.213.0.1")).toEqual(["veth1"]);
    expect(linksWith(links, "10.213.255.1")).toEqual(["lo"]);
    expect(linksWith(links, "192.0.2.1")).toEqual([]);
  });
});
