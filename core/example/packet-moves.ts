// Helpers that give the packet another beginning or end, as Linux does them (and Windows its xdp_adjust_head): from where
// the packet lies to where it lies afterwards. Only arithmetic.

/** Where the packet lies. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** The end if the packet of the input were empty; undefined: it does not depend on that any more. */
  readonly endOfEmpty: number | undefined;
}

/** Bytes that a packet can grow by in front and behind; what Linux' drivers promise for XDP, or more. */
const HEADROOM_BYTES = 256;
const TAILROOM_BYTES = 320;
/** An Ethernet header is never cut off. */
const LEAST_BYTES = 14;

type Move = (span: Span, argument: bigint, origin: number) => Span;

const MOVES: Readonly<Record<string, Move>> = {
  xdp_adjust_head: (span, by) => ({ ...span, start: span.start + signed(by) }),
  xdp_adjust_tail: (span, by) => ({
    ...span,
    end: span.end + signed(by),
    endOfEmpty: span.endOfEmpty === undefined ? undefined : span.endOfEmpty + signed(by),
  }),
  skb_change_head: (span, by) => ({ ...span, start: span.start - unsigned(by) }),
  skb_change_tail: (span, length) => ({ ...span, end: span.start + unsigned(length), endOfEmpty: undefined }),
  skb_pull_data: (span) => span,
};

function signed(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

function unsigned(value: bigint): number {
  return Number(BigInt.asUintN(32, value));
}

export function movesPacket(helper: string): boolean {
  return MOVES[helper] !== undefined;
}

/** Undefined: the helper refuses. `origin`: where the packet of the input begins; `argument`: the helper's second. */
export function moved(helper: string, span: Span, argument: bigint, origin: number): Span | undefined {
  const next = MOVES[helper]?.(span, argument, origin);
  if (next === undefined) return undefined;
  if (next === span) return span;
  const tail = Math.max(span.end, origin) + TAILROOM_BYTES;
  const fits =
    next.start >= origin - HEADROOM_BYTES && next.end <= tail && next.end - next.start >= LEAST_BYTES;
  return fits ? next : undefined;
}
