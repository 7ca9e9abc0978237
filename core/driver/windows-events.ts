// Windows' event log through koffi (wevtapi.dll): what a query finds, as XML. Knows nothing of what events mean.
import type { NativeCalls, NativeTable } from "../base/native.ts";

const UINT = "uint32_t";
const HANDLE = "intptr_t";
const TEXT = "str16";
const POINTER = "void *";

export const EVENT_FUNCTIONS = {
  EvtQuery: ["wevtapi.dll", HANDLE, [HANDLE, TEXT, TEXT, UINT]],
  EvtNext: ["wevtapi.dll", "int", [HANDLE, UINT, POINTER, UINT, UINT, POINTER]],
  EvtRender: ["wevtapi.dll", "int", [HANDLE, HANDLE, UINT, UINT, POINTER, POINTER, POINTER]],
  EvtClose: ["wevtapi.dll", "int", [HANDLE]],
  SetLastError: ["kernel32.dll", "void", [UINT]],
  GetLastError: ["kernel32.dll", UINT, []],
} as const satisfies NativeTable;

type Calls = NativeCalls<typeof EVENT_FUNCTIONS>;
type Fail = (number: number) => never;

const QUERY = { channelPath: 1, reverseDirection: 0x200 } as const;
const RENDER_EVENT_XML = 1;
const ERROR = { notImplemented: 120, insufficientBuffer: 122, noMoreItems: 259 } as const;
const TIMEOUT_MILLISECONDS = 5000;

/** The newest first, at most so many; `fail` gets the Windows error. */
export function readEvents(
  call: Calls,
  fail: Fail,
  channel: string,
  query: string,
  maximum: number,
): string[] {
  // Wine's EvtQuery finds nothing, and says no reason.
  call.SetLastError(ERROR.notImplemented);
  const results = call.EvtQuery(0, channel, query, QUERY.channelPath | QUERY.reverseDirection);
  if (results === 0) return fail(call.GetLastError());
  try {
    const events: string[] = [];
    while (events.length < maximum) {
      const event = nextEvent(call, fail, results);
      if (event === undefined) break;
      try {
        events.push(render(call, fail, event));
      } finally {
        call.EvtClose(event);
      }
    }
    return events;
  } finally {
    call.EvtClose(results);
  }
}

function nextEvent(call: Calls, fail: Fail, results: number): number | undefined {
  const [handle, count] = [Buffer.alloc(8), Buffer.alloc(4)];
  if (call.EvtNext(results, 1, handle, TIMEOUT_MILLISECONDS, 0, count) !== 0)
    return Number(handle.readBigInt64LE());
  const error = call.GetLastError();
  return error === ERROR.noMoreItems ? undefined : fail(error);
}

function render(call: Calls, fail: Fail, event: number): string {
  const [used, count] = [Buffer.alloc(4), Buffer.alloc(4)];
  for (let sizeBytes = 4096; ; sizeBytes = used.readUInt32LE()) {
    const bytes = Buffer.alloc(sizeBytes);
    if (call.EvtRender(0, event, RENDER_EVENT_XML, sizeBytes, bytes, used, count) !== 0)
      return bytes.toString("utf16le", 0, used.readUInt32LE()).replace(/\0+$/, "");
    const error = call.GetLastError();
    if (error !== ERROR.insufficientBuffer || used.readUInt32LE() <= sizeBytes) return fail(error);
  }
}
