// The parts of node-forge that are used, and loaded, alone: @types/node-forge types the whole.
declare module "node-forge/lib/asn1.js" {
  import { asn1 } from "node-forge";
  export default asn1;
}
declare module "node-forge/lib/util.js" {
  import { util } from "node-forge";
  export default util;
}
