// Which hooks a host of this service has.

/** Interfaces of the embedded host see packets, so their one hook is xdp. */
export const EMBEDDED_HOOKS: readonly string[] = ["xdp"];
