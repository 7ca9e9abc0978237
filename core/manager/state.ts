// What must survive a restart, in one SQLite file: interfaces, programs with the bytes of their objects, links, and the
// entries of persistent maps. Every change is one transaction that is on the disk when change() returns. Holds rows
// only: what a row means is the manager's business.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { EbpfError, type ErrorCode } from "../base/error.ts";
import type { EngineName } from "../image/image.ts";

export interface StoredInterface {
  readonly name: string;
  readonly kind: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface StoredProgram {
  readonly id: number;
  readonly name: string;
  /** The path it was added from; only for people, the bytes are in `object`. */
  readonly file: string;
  readonly object: Uint8Array;
  /** Name of its function in the object. */
  readonly program: string;
  readonly type: string;
  readonly platform: string;
  /** As it was asked for; which one runs it the host may decide. */
  readonly engine: EngineName;
  readonly host: "embedded" | "kernel";
  readonly persistent: boolean;
  readonly loadedAt: string;
  /** Ids of its maps, in the order of `Program.maps`. */
  readonly mapIds: readonly number[];
}

export interface StoredLink {
  readonly id: number;
  readonly programId: number;
  readonly interface: string;
  readonly hook: string;
}

export interface StoredEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface StoredState {
  readonly interfaces: readonly StoredInterface[];
  readonly programs: readonly StoredProgram[];
  readonly links: readonly StoredLink[];
  /** The largest id ever given, so that none is given twice. */
  readonly lastId: number;
}

/** The writes that one transaction may hold. */
export interface StateWriter {
  addInterface(row: StoredInterface): void;
  removeInterface(name: string): void;
  addProgram(row: StoredProgram): void;
  /** The entries of its maps too. */
  removeProgram(id: number, mapIds: readonly number[]): void;
  addLink(row: StoredLink): void;
  removeLink(id: number): void;
  putEntry(mapId: number, entry: StoredEntry): void;
  deleteEntry(mapId: number, key: Uint8Array): void;
  setLastId(id: number): void;
}

export interface State {
  read(): StoredState;
  entries(mapId: number): StoredEntry[];
  /** All of `write` or nothing; StateUnwritable if the disk refuses. */
  change(write: (writer: StateWriter) => void): void;
  close(): void;
}

const VERSION = 2;

const SCHEMA = `
  CREATE TABLE interface (name TEXT PRIMARY KEY, kind TEXT NOT NULL, settings TEXT NOT NULL) STRICT;
  CREATE TABLE program (id INTEGER PRIMARY KEY, name TEXT NOT NULL, file TEXT NOT NULL, object BLOB NOT NULL,
    program TEXT NOT NULL, type TEXT NOT NULL, platform TEXT NOT NULL, engine TEXT NOT NULL, persistent INTEGER NOT NULL,
    loaded_at TEXT NOT NULL, map_ids TEXT NOT NULL, host TEXT NOT NULL DEFAULT 'embedded') STRICT;
  CREATE TABLE link (id INTEGER PRIMARY KEY, program_id INTEGER NOT NULL, interface TEXT NOT NULL,
    hook TEXT NOT NULL) STRICT;
  CREATE TABLE entry (map_id INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (map_id, key)) STRICT, WITHOUT ROWID;
  CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
`;

/** From the version before each to it. */
const MIGRATIONS: Readonly<Record<number, string>> = {
  2: "ALTER TABLE program ADD COLUMN host TEXT NOT NULL DEFAULT 'embedded'",
};

/** SQLite's primary result codes (sqlite.org/rescode.html), low byte of `errcode`. */
const CODE_OF_RESULT: Readonly<Record<number, ErrorCode>> = {
  5: "ServiceRunning", // SQLITE_BUSY: another process holds the lock
  6: "ServiceRunning", // SQLITE_LOCKED
  11: "StateInvalid", // SQLITE_CORRUPT
  19: "InternalError", // SQLITE_CONSTRAINT: the manager wrote what it already holds
  26: "StateInvalid", // SQLITE_NOTADB
};

const TEXT_OF_CODE: Partial<Record<ErrorCode, string>> = {
  ServiceRunning: "another service uses the state",
  StateInvalid: "the state is damaged",
};

function failure(file: string, error: unknown): EbpfError {
  if (error instanceof EbpfError) return error;
  const result = (error as { errcode?: number }).errcode ?? 0;
  const code = CODE_OF_RESULT[result & 0xff] ?? "StateUnwritable";
  const reason = error instanceof Error ? error.message : String(error);
  const what = TEXT_OF_CODE[code] ?? "the state cannot be written";
  return new EbpfError(code, `${what}: ${file}: ${reason}`, { target: file, file }, error);
}

/** node:sqlite without the line "SQLite is an experimental feature" that Node 22 and 24 print when it is loaded. */
async function loadSqlite(): Promise<typeof import("node:sqlite")> {
  const emit = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return await import("node:sqlite");
  } finally {
    process.emitWarning = emit;
  }
}

/**
 * Opens or makes the file and locks it for this process until close(), also against a service that was not killed yet:
 * ServiceRunning. StateInvalid if it is damaged or of a later version (it is left as it is), StateUnwritable if the
 * folder or the disk refuses.
 */
export async function openState(file: string): Promise<State> {
  const { DatabaseSync } = await loadSqlite();
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0;");
    prepare(database, file);
    return stateOf(database, file);
  } catch (error) {
    closeQuietly(database);
    throw failure(file, error);
  }
}

function closeQuietly(database: DatabaseSync | undefined): void {
  try {
    database?.close();
  } catch {
    // The error that led here is the one to tell.
  }
}

function prepare(database: DatabaseSync, file: string): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (version > VERSION) {
    throw new EbpfError("StateInvalid", `the state is of a later version: ${file}`, { target: file, file });
  }
  // WAL with synchronous=FULL: one fsync a change, and a change that was answered survives a loss of power.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
  if (version === 0) database.exec(SCHEMA);
  else for (let next = version + 1; next <= VERSION; next++) database.exec(MIGRATIONS[next] ?? "");
  database.exec(`PRAGMA user_version = ${VERSION}`);
  const check = database.prepare("PRAGMA quick_check(1)").get()?.quick_check;
  if (check !== "ok") {
    throw new EbpfError("StateInvalid", `the state is damaged: ${file}: ${String(check)}`, {
      target: file,
      file,
    });
  }
  // A write at every start: a disk or folder that refuses is found now and not with the first change.
  database.exec("INSERT OR IGNORE INTO counter VALUES ('starts', 0);");
  database.exec("UPDATE counter SET value = value + 1 WHERE name = 'starts'; COMMIT");
}

function stateOf(database: DatabaseSync, file: string): State {
  const writer = writerOf(database);
  return {
    read: () => guarded(file, () => readAll(database)),
    entries: (mapId) =>
      guarded(file, () =>
        database
          .prepare("SELECT key, value FROM entry WHERE map_id = ? ORDER BY key")
          .all(mapId)
          .map((row) => ({ key: bytes(row.key), value: bytes(row.value) })),
      ),
    change(write) {
      guarded(file, () => {
        database.exec("BEGIN IMMEDIATE");
        try {
          write(writer);
          database.exec("COMMIT");
        } catch (error) {
          rollBack(database);
          throw error;
        }
      });
    },
    close: () => closeQuietly(database),
  };
}

/** SQLite has already rolled back after some errors (sqlite.org/lang_transaction.html, section 3); then this one fails. */
function rollBack(database: DatabaseSync): void {
  if (database.isTransaction) database.exec("ROLLBACK");
}

function guarded<T>(file: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw failure(file, error);
  }
}

function writerOf(database: DatabaseSync): StateWriter {
  const statement = (sql: string) => {
    const prepared = database.prepare(sql);
    return (...values: (string | number | Uint8Array)[]): void => {
      prepared.run(...values);
    };
  };
  const addInterface = statement("INSERT INTO interface VALUES (?, ?, ?)");
  const removeInterface = statement("DELETE FROM interface WHERE name = ?");
  const addProgram = statement("INSERT INTO program VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const removeProgram = statement("DELETE FROM program WHERE id = ?");
  const removeEntries = statement("DELETE FROM entry WHERE map_id = ?");
  const addLink = statement("INSERT INTO link VALUES (?, ?, ?, ?)");
  const removeLink = statement("DELETE FROM link WHERE id = ?");
  const putEntry = statement("INSERT OR REPLACE INTO entry VALUES (?, ?, ?)");
  const deleteEntry = statement("DELETE FROM entry WHERE map_id = ? AND key = ?");
  const setLastId = statement("INSERT OR REPLACE INTO counter VALUES ('lastId', ?)");
  return {
    addInterface: (row) => addInterface(row.name, row.kind, JSON.stringify(row.settings)),
    removeInterface,
    addProgram: (row) =>
      addProgram(
        row.id,
        row.name,
        row.file,
        row.object,
        row.program,
        row.type,
        row.platform,
        row.engine,
        row.persistent ? 1 : 0,
        row.loadedAt,
        JSON.stringify(row.mapIds),
        row.host,
      ),
    removeProgram: (id, mapIds) => {
      removeProgram(id);
      for (const mapId of mapIds) removeEntries(mapId);
    },
    addLink: (row) => addLink(row.id, row.programId, row.interface, row.hook),
    removeLink,
    putEntry: (mapId, entry) => putEntry(mapId, entry.key, entry.value),
    deleteEntry,
    setLastId,
  };
}

type Row = Record<string, SQLOutputValue>;

function bytes(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new EbpfError("StateInvalid", "the state is damaged: bytes were expected");
}

function json(value: SQLOutputValue | undefined): unknown {
  try {
    return JSON.parse(String(value));
  } catch (cause) {
    throw new EbpfError("StateInvalid", "the state is damaged: JSON was expected", {}, cause);
  }
}

const ENGINES: readonly EngineName[] = ["wasm", "interpreter", "kernel-jit", "kernel-interpreter"];

function engineOf(text: string): EngineName {
  return ENGINES.find((name) => name === text) ?? "wasm";
}

function readAll(database: DatabaseSync): StoredState {
  const all = (sql: string): Row[] => database.prepare(sql).all();
  const lastId = database.prepare("SELECT value FROM counter WHERE name = 'lastId'").get()?.value;
  return {
    interfaces: all("SELECT * FROM interface ORDER BY rowid").map((row) => ({
      name: String(row.name),
      kind: String(row.kind),
      settings: json(row.settings) as Readonly<Record<string, unknown>>,
    })),
    programs: all("SELECT * FROM program ORDER BY id").map((row) => ({
      id: Number(row.id),
      name: String(row.name),
      file: String(row.file),
      object: bytes(row.object),
      program: String(row.program),
      type: String(row.type),
      platform: String(row.platform),
      engine: engineOf(String(row.engine)),
      host: row.host === "kernel" ? "kernel" : "embedded",
      persistent: row.persistent === 1,
      loadedAt: String(row.loaded_at),
      mapIds: json(row.map_ids) as readonly number[],
    })),
    links: all("SELECT * FROM link ORDER BY id").map((row) => ({
      id: Number(row.id),
      programId: Number(row.program_id),
      interface: String(row.interface),
      hook: String(row.hook),
    })),
    lastId: Number(lastId ?? 0),
  };
}
