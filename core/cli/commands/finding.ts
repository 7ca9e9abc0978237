// A row of ebpf doctor.

export interface Finding {
  readonly name: string;
  /** "missing" is needed for something; "absent" would only add to what works. */
  readonly state: "ok" | "absent" | "missing";
  readonly found: string;
  /** What to do, if anything. */
  readonly remedy?: string;
}
