// The filter that is handed to WinDivert: which packets leave the kernel at all. What is not matched there costs nothing.
import type { WindivertSettings } from "../loop.ts";

export const DIRECTIONS = ["inbound", "outbound", "both"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** Loopback has one way only, which WinDivert calls outbound. */
const WAYS: Readonly<Record<Direction, { readonly alone: string; readonly withLoopback: string }>> = {
  inbound: { alone: "inbound", withLoopback: "(inbound or loopback)" },
  outbound: { alone: "outbound and !loopback", withLoopback: "outbound" },
  both: { alone: "!loopback", withLoopback: "true" },
};

/**
 * Packets that another driver has put in are left out: two programs that give each other's packets back would do so for
 * ever. `interfaceIndex` is that of the adapter, if only its packets are meant.
 */
export function composeFilter(
  { direction, loopback, filter }: Pick<WindivertSettings, "direction" | "loopback" | "filter">,
  interfaceIndex: number | undefined,
): string {
  const way = WAYS[direction];
  return [
    "!impostor",
    loopback ? way.withLoopback : way.alone,
    ...(interfaceIndex === undefined ? [] : [`ifIdx == ${interfaceIndex}`]),
    ...(filter === "true" ? [] : [`(${filter})`]),
  ].join(" and ");
}
