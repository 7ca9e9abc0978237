// The parts of SARIF 2.1.0 (OASIS) that sarif.ts writes, under the names of the standard. Types only.

export interface Log {
  readonly $schema: string;
  readonly version: "2.1.0";
  readonly runs: readonly Run[];
}

export interface Run {
  readonly tool: { readonly driver: Driver };
  readonly columnKind: "utf16CodeUnits";
  readonly originalUriBaseIds: Readonly<Record<string, { readonly description: Message }>>;
  readonly invocations: readonly {
    readonly executionSuccessful: boolean;
    readonly toolExecutionNotifications: readonly Notification[];
  }[];
  readonly artifacts: readonly { readonly location: ArtifactLocation; readonly roles: readonly string[] }[];
  readonly results: readonly Result[];
}

export interface Driver {
  readonly name: string;
  readonly version: string;
  readonly rules: readonly Descriptor[];
  readonly notifications: readonly Descriptor[];
}

export interface Descriptor {
  readonly id: string;
  readonly name: string;
  readonly shortDescription: Message;
  readonly help: { readonly text: string; readonly markdown: string };
  readonly defaultConfiguration: { readonly level: "error" };
}

export interface Message {
  readonly text: string;
}

export interface ArtifactLocation {
  readonly uri: string;
  readonly uriBaseId?: string;
  /** Into `Run.artifacts`. */
  readonly index?: number;
}

/** Lines and columns count from 1; without columns the whole line. */
export interface Region {
  readonly startLine: number;
  readonly startColumn?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
  readonly snippet?: Message;
}

export interface PhysicalLocation {
  readonly artifactLocation: ArtifactLocation;
  readonly region?: Region;
}

export interface Location {
  readonly physicalLocation: PhysicalLocation;
  readonly logicalLocations?: readonly {
    readonly name: string;
    readonly fullyQualifiedName: string;
    readonly kind: "function";
  }[];
  readonly message?: Message;
}

export interface Notification {
  readonly descriptor: { readonly id: string; readonly index: number };
  readonly level: "error";
  readonly message: Message;
  readonly locations: readonly Location[];
}

export interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly kind: "fail";
  readonly level: "error";
  readonly message: Message;
  readonly analysisTarget: ArtifactLocation;
  readonly locations: readonly Location[];
  readonly codeFlows?: readonly {
    readonly threadFlows: readonly { readonly locations: readonly { readonly location: Location }[] }[];
  }[];
  readonly fixes?: readonly Fix[];
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface Fix {
  readonly description: Message;
  readonly artifactChanges: readonly {
    readonly artifactLocation: ArtifactLocation;
    readonly replacements: readonly { readonly deletedRegion: Region; readonly insertedContent: Message }[];
  }[];
}
