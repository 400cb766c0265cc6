import { SchedgateError } from "./errors.ts";

/** A Kubernetes quantity in billionths, exactly; the API's finest step. */
export type Quantity = bigint;

/** One whole unit: a CPU, a byte. */
export const ONE: Quantity = 1_000_000_000n;

const FORM =
  /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<fraction>\d*))?(?:(?<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?<exponent>[+-]?\d{1,2}))?$/;

/** Powers of ten of the decimal suffixes. */
const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/** Powers of two of the binary suffixes. */
const BINARY: Record<string, bigint> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };

/**
 * Reads `2`, `1500m`, `0.5`, `1e3`, `4Gi`, as apimachinery's resource.ParseQuantity does; finer than a billionth rounds up.
 * @throws SchedgateError E_QUANTITY for anything else, and for exponents beyond 27.
 */
export function parseQuantity(value: string | number): Quantity {
  const text = String(value);
  const parts = text.length <= 64 ? FORM.exec(text)?.groups : undefined;
  const size = parts === undefined ? undefined : sizeOf(parts);
  if (size === undefined) {
    throw new SchedgateError(
      "E_QUANTITY",
      `"${text.slice(0, 64)}" is not a quantity such as "2", "500m" or "4Gi"`,
    );
  }
  return size;
}

function sizeOf(parts: Record<string, string | undefined>): Quantity | undefined {
  const { sign, whole = "", fraction = "", suffix = "", exponent = "0" } = parts;
  const power = DECIMAL[suffix] ?? Number(exponent);
  if (whole + fraction === "" || Math.abs(power) > 27) return undefined;
  const digits = BigInt(whole + fraction) * 2n ** (BINARY[suffix] ?? 0n);
  const size = scaled(digits, 9 + power - fraction.length);
  return sign === "-" ? -size : size;
}

/** digits times ten to the power of `scale`, rounded up. */
function scaled(digits: bigint, scale: number): bigint {
  return scale >= 0 ? digits * 10n ** BigInt(scale) : divideUp(digits, 10n ** BigInt(-scale));
}

function divideUp(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

/** The number of whole units, or undefined where the quantity is not whole: `2` and `2000m` are 2, `1500m` is not. */
export function wholeUnits(quantity: Quantity): number | undefined {
  return quantity % ONE === 0n ? Number(quantity / ONE) : undefined;
}
