// What must be true of the domain, as data: the tests walk the laws, and so does the mutation run (tests/mutation), which
// breaks the domain and expects one of them to say so.

export interface Law {
  readonly name: string;
  /** Throws if it is broken. */
  readonly check: () => void;
}
