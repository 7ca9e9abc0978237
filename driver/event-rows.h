// Made by scripts/driver-events.ts of core/driver/events.ts: npm run fixtures.
#pragma once

/** ROW(name, code, whether its numbers are statuses, seconds between two of it, text). */
#define EBPF_EVENT_ROWS(ROW) \
    ROW(Started, 0x40040001, FALSE, 0, "The driver has started. Its contract with user mode is version %2.") \
    ROW(Stopped, 0x40040002, FALSE, 0, "The driver has stopped.") \
    ROW(MemoryIntegrity, 0x80040003, FALSE, 0, "All programs are interpreted: memory integrity (HVCI) is on, and forbids memory that becomes executable.") \
    ROW(CodeRefused, 0x80040004, FALSE, 0, "All programs are interpreted: Windows did not let memory become executable.") \
    ROW(AllowUncertified, 0x80040005, FALSE, 0, "AllowUncertified is set: programs that nothing proves are compiled too. Such code can do anything in the kernel.") \
    ROW(CertificateRefused, 0x80040006, FALSE, 60, "A program of process %2 was not loaded: its certificate does not prove it (error %3 of the driver). Left out since the last event like this: %4.") \
    ROW(HooksLost, 0x80040007, FALSE, 0, "Windows' filter engine (the service BFE) has stopped. Until it is back, programs at hooks see nothing.") \
    ROW(HooksRefused, 0xc0040008, TRUE, 0, "Windows' filter engine refuses the hooks: status %2. Programs at hooks see nothing.") \
    ROW(HooksBack, 0x40040009, FALSE, 0, "Windows' filter engine is back: programs at hooks see what comes again.")
