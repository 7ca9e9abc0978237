// Made by `npm run fixtures` of the core's tables: change those.
#include "certificate/rows.h"

static const CHECK_FIELD WindowsFields0[] = {
    {.SizeBytes = 8, .Kind = FieldPacketStart},
    {.ByteOffset = 8, .SizeBytes = 8, .Kind = FieldPacketEnd},
    {.ByteOffset = 16, .SizeBytes = 8, .Kind = FieldPacketMeta},
    {.ByteOffset = 24, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
};

static const CHECK_FIELD WindowsFields1[] = {
    {.SizeBytes = 8, .Kind = FieldPacketStart},
    {.ByteOffset = 8, .SizeBytes = 8, .Kind = FieldPacketEnd},
    {.ByteOffset = 16, .SizeBytes = 8, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 24, .SizeBytes = 16, .Kind = FieldScalar, .Writable = TRUE, .Narrow = TRUE},
    {.ByteOffset = 40, .SizeBytes = 1, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 44, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 48, .SizeBytes = 1, .Kind = FieldScalar, .Narrow = TRUE},
};

static const CHECK_FIELD WindowsFields2[] = {
    {.SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 4, .SizeBytes = 16, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 20, .SizeBytes = 2, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 24, .SizeBytes = 16, .Kind = FieldScalar, .Writable = TRUE, .Narrow = TRUE},
    {.ByteOffset = 40, .SizeBytes = 2, .Kind = FieldScalar, .Writable = TRUE, .Narrow = TRUE},
    {.ByteOffset = 44, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 48, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 56, .SizeBytes = 8, .Kind = FieldScalar, .Narrow = TRUE},
};

static const CHECK_FIELD WindowsFields3[] = {
    {.SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 4, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 8, .SizeBytes = 16, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 24, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 28, .SizeBytes = 16, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 44, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 48, .SizeBytes = 1, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 52, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 56, .SizeBytes = 8, .Kind = FieldScalar, .Narrow = TRUE},
};

static const CHECK_FIELD WindowsFields4[] = {
    {.SizeBytes = 8, .Kind = FieldPacketMeta},
    {.ByteOffset = 8, .SizeBytes = 8, .Kind = FieldPacketStart},
    {.ByteOffset = 16, .SizeBytes = 8, .Kind = FieldPacketEnd},
};

static const CHECK_FIELD WindowsFields5[] = {
    {.SizeBytes = 8, .Kind = FieldPacketStart},
    {.ByteOffset = 8, .SizeBytes = 8, .Kind = FieldPacketEnd},
    {.ByteOffset = 16, .SizeBytes = 8, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 24, .SizeBytes = 8, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 32, .SizeBytes = 8, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 40, .SizeBytes = 8, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 48, .SizeBytes = 8, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 56, .SizeBytes = 8, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 64, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 68, .SizeBytes = 1, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 72, .SizeBytes = 4, .Kind = FieldScalar, .Narrow = TRUE},
    {.ByteOffset = 76, .SizeBytes = 68, .Kind = FieldScalar, .Narrow = TRUE},
};

static const CHECK_FIELD WindowsFields6[] = {
    {.SizeBytes = 8, .Kind = FieldPacketStart},
    {.ByteOffset = 8, .SizeBytes = 8, .Kind = FieldPacketEnd},
    {.ByteOffset = 16, .SizeBytes = 4, .Kind = FieldScalar, .Writable = TRUE, .Narrow = TRUE},
    {.ByteOffset = 20, .SizeBytes = 2, .Kind = FieldScalar, .Writable = TRUE, .Narrow = TRUE},
    {.ByteOffset = 24, .SizeBytes = 4, .Kind = FieldScalar, .Writable = TRUE, .Narrow = TRUE},
    {.ByteOffset = 28, .SizeBytes = 4, .Kind = FieldScalar, .Writable = TRUE, .Narrow = TRUE},
};

static const CHECK_CONTEXT WindowsContexts[] = {
    {.Name = "xdp_md", .SizeBytes = 32, .Fields = {.Count = 4, .Rows = WindowsFields0}},
    {.Name = "bind_md", .SizeBytes = 56, .Fields = {.Count = 7, .Rows = WindowsFields1}, .PacketReadOnly = TRUE},
    {.Name = "bpf_sock_addr", .SizeBytes = 64, .Fields = {.Count = 8, .Rows = WindowsFields2}},
    {.Name = "bpf_sock_ops", .SizeBytes = 64, .Fields = {.Count = 9, .Rows = WindowsFields3}},
    {.Name = "netevent_event_md", .SizeBytes = 24, .Fields = {.Count = 3, .Rows = WindowsFields4}, .PacketReadOnly = TRUE},
    {.Name = "process_md", .SizeBytes = 144, .Fields = {.Count = 12, .Rows = WindowsFields5}, .PacketReadOnly = TRUE},
    {.Name = "sample_program_context", .SizeBytes = 32, .Fields = {.Count = 6, .Rows = WindowsFields6}},
};

static const CHECK_TYPE WindowsTypes[] = {
    {.Name = "xdp", .Context = &WindowsContexts[0], .Bit = 0x1ull},
    {.Name = "bind", .Context = &WindowsContexts[1], .Bit = 0x2ull},
    {.Name = "cgroup_sock_addr", .Context = &WindowsContexts[2], .Bit = 0x4ull},
    {.Name = "sock_ops", .Context = &WindowsContexts[3], .Bit = 0x8ull},
    {.Name = "netevent", .Context = &WindowsContexts[4], .Bit = 0x10ull},
    {.Name = "process", .Context = &WindowsContexts[5], .Bit = 0x20ull},
    {.Name = "sample", .Context = &WindowsContexts[6], .Bit = 0x40ull},
};

static const CHECK_MAP_TYPE WindowsMapTypes[] = {
    {.Name = "hash", .Id = 1},
    {.Name = "array", .Id = 2, .Kind = MapKindArray},
    {.Name = "prog_array", .Id = 3},
    {.Name = "percpu_hash", .Id = 4},
    {.Name = "percpu_array", .Id = 5},
    {.Name = "hash_of_maps", .Id = 6, .Kind = MapKindOfMaps},
    {.Name = "array_of_maps", .Id = 7, .Kind = MapKindOfMaps},
    {.Name = "lru_hash", .Id = 8},
    {.Name = "lpm_trie", .Id = 9},
    {.Name = "queue", .Id = 10},
    {.Name = "lru_percpu_hash", .Id = 11},
    {.Name = "stack", .Id = 12},
    {.Name = "ringbuf", .Id = 13},
    {.Name = "perf_event_array", .Id = 14},
    {.Name = "sample_hash_map", .Id = 15},
    {.Name = "xskmap", .Id = 16, .ReadOnlyValues = TRUE},
};

static const CHECK_HELPER WindowsHelpers[] = {
    {.Name = "map_lookup_elem", .Id = 1, .ArgumentCount = 2, .Arguments = {{.Kind = ArgumentMap, .Types = 0x85fbull}, {.Kind = ArgumentMapKey}}, .Returns = ReturnMapValueOrNull, .ProgramTypes = UINT64_MAX},
    {.Name = "map_update_elem", .Id = 2, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMap, .Types = 0x59bull}, {.Kind = ArgumentMapKey}, {.Kind = ArgumentMapValue, .Access = AccessRead}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .WritesMap = TRUE, .ProgramTypes = UINT64_MAX},
    {.Name = "map_delete_elem", .Id = 3, .ArgumentCount = 2, .Arguments = {{.Kind = ArgumentMap, .Types = 0x589ull}, {.Kind = ArgumentMapKey}}, .Returns = ReturnScalar, .WritesMap = TRUE, .ProgramTypes = UINT64_MAX},
    {.Name = "map_lookup_and_delete_elem", .Id = 4, .ArgumentCount = 2, .Arguments = {{.Kind = ArgumentMap, .Types = 0x489ull}, {.Kind = ArgumentMapKey}}, .Returns = ReturnMapValueOrNull, .ProgramTypes = UINT64_MAX},
    {.Name = "tail_call", .Id = 5, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentContext}, {.Kind = ArgumentMap, .Types = 0x4ull}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .TailCall = TRUE, .ProgramTypes = UINT64_MAX},
    {.Name = "get_prandom_u32", .Id = 6, .Returns = ReturnScalar, .HasRange = TRUE, .Minimum = 0ll, .Maximum = 4294967295ll, .ProgramTypes = UINT64_MAX},
    {.Name = "ktime_get_boot_ns", .Id = 7, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "get_smp_processor_id", .Id = 8, .Returns = ReturnScalar, .HasRange = TRUE, .Minimum = 0ll, .Maximum = 4294967295ll, .ProgramTypes = UINT64_MAX},
    {.Name = "ktime_get_ns", .Id = 9, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "csum_diff", .Id = 10, .ArgumentCount = 5, .Arguments = {{.Kind = ArgumentMemory, .OrNull = TRUE, .Access = AccessRead, .SizeAt = 1}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}, {.Kind = ArgumentMemory, .OrNull = TRUE, .Access = AccessRead, .SizeAt = 3}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "ringbuf_output", .Id = 11, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMap, .Types = 0x1000ull}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 2}, {.Kind = ArgumentSize}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "trace_printk2", .Id = 12, .ArgumentCount = 2, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 1}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "trace_printk3", .Id = 13, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 1}, {.Kind = ArgumentSize}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "trace_printk4", .Id = 14, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 1}, {.Kind = ArgumentSize}, {.Kind = ArgumentScalar}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "trace_printk5", .Id = 15, .ArgumentCount = 5, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 1}, {.Kind = ArgumentSize}, {.Kind = ArgumentScalar}, {.Kind = ArgumentScalar}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "map_push_elem", .Id = 16, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentMap, .Types = 0xa00ull}, {.Kind = ArgumentMapValue, .Access = AccessRead}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .WritesMap = TRUE, .ProgramTypes = UINT64_MAX},
    {.Name = "map_pop_elem", .Id = 17, .ArgumentCount = 2, .Arguments = {{.Kind = ArgumentMap, .Types = 0xa00ull}, {.Kind = ArgumentMapValue, .Access = AccessWrite}}, .Returns = ReturnScalar, .WritesMap = TRUE, .ProgramTypes = UINT64_MAX},
    {.Name = "map_peek_elem", .Id = 18, .ArgumentCount = 2, .Arguments = {{.Kind = ArgumentMap, .Types = 0xa00ull}, {.Kind = ArgumentMapValue, .Access = AccessWrite}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "get_current_pid_tgid", .Id = 19, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "get_current_logon_id", .Id = 20, .ArgumentCount = 1, .Arguments = {{.Kind = ArgumentContext}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "is_current_admin", .Id = 21, .ArgumentCount = 1, .Arguments = {{.Kind = ArgumentContext}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "memcpy_s", .Id = 22, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessReadWrite, .SizeAt = 1}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 3}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "memcmp_s", .Id = 23, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 1}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 3}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "memset", .Id = 24, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessWrite, .SizeAt = 1}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}, {.Kind = ArgumentScalar}}, .Returns = ReturnNothing, .ProgramTypes = UINT64_MAX},
    {.Name = "memmove_s", .Id = 25, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessReadWrite, .SizeAt = 1}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 3}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "get_socket_cookie", .Id = 26, .ArgumentCount = 1, .Arguments = {{.Kind = ArgumentContext}}, .Returns = ReturnScalar, .ProgramTypes = 0x4ull},
    {.Name = "strncpy_s", .Id = 27, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessReadWrite, .SizeAt = 1}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 3}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "strncat_s", .Id = 28, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessReadWrite, .SizeAt = 1}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 3}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "strnlen_s", .Id = 29, .ArgumentCount = 2, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 1}, {.Kind = ArgumentSize, .ZeroAllowed = TRUE}}, .Returns = ReturnScalar, .HasRange = TRUE, .Minimum = 0ll, .Maximum = 4294967295ll, .ProgramTypes = UINT64_MAX},
    {.Name = "ktime_get_boot_ms", .Id = 30, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "ktime_get_ms", .Id = 31, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "perf_event_output", .Id = 32, .ArgumentCount = 5, .Arguments = {{.Kind = ArgumentContext}, {.Kind = ArgumentMap, .Types = 0x2000ull}, {.Kind = ArgumentScalar}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 4}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "get_current_process_start_key", .Id = 33, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "get_current_thread_create_time", .Id = 34, .Returns = ReturnScalar, .ProgramTypes = UINT64_MAX},
    {.Name = "redirect_map", .Id = 35, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentMap, .Types = 0xc000ull}, {.Kind = ArgumentScalar}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .ProgramTypes = 0x41ull},
    {.Name = "xdp_adjust_head", .Id = 65536, .ArgumentCount = 2, .Arguments = {{.Kind = ArgumentContext}, {.Kind = ArgumentScalar}}, .Returns = ReturnScalar, .InvalidatesPacket = TRUE, .ProgramTypes = 0x1ull},
    {.Name = "sock_ops_get_flow_id", .Id = 65536, .ArgumentCount = 1, .Arguments = {{.Kind = ArgumentContext}}, .Returns = ReturnScalar, .ProgramTypes = 0x8ull},
    {.Name = "process_get_image_path", .Id = 65536, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentContext}, {.Kind = ArgumentMemory, .Access = AccessWrite, .SizeAt = 2}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = 0x20ull},
    {.Name = "netevent_push_event", .Id = 65536, .ArgumentCount = 1, .Arguments = {{.Kind = ArgumentContext}}, .Returns = ReturnScalar, .ProgramTypes = 0x10ull},
    {.Name = "sample_ebpf_extension_helper_function1", .Id = 65536, .ArgumentCount = 1, .Arguments = {{.Kind = ArgumentContext}}, .Returns = ReturnScalar, .ProgramTypes = 0x40ull},
    {.Name = "sock_addr_set_redirect_context", .Id = 65537, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentContext}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 2}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = 0x4ull},
    {.Name = "process_get_account_name", .Id = 65537, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentContext}, {.Kind = ArgumentMemory, .Access = AccessWrite, .SizeAt = 2}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = 0x20ull},
    {.Name = "sample_ebpf_extension_find", .Id = 65537, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 1}, {.Kind = ArgumentSize}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 3}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = 0x40ull},
    {.Name = "sock_addr_get_network_context", .Id = 65538, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentContext}, {.Kind = ArgumentMemory, .Access = AccessWrite, .SizeAt = 2}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = 0x4ull},
    {.Name = "process_get_account_domain", .Id = 65538, .ArgumentCount = 3, .Arguments = {{.Kind = ArgumentContext}, {.Kind = ArgumentMemory, .Access = AccessWrite, .SizeAt = 2}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = 0x20ull},
    {.Name = "sample_ebpf_extension_replace", .Id = 65538, .ArgumentCount = 5, .Arguments = {{.Kind = ArgumentMemory, .Access = AccessReadWrite, .SizeAt = 1}, {.Kind = ArgumentSize}, {.Kind = ArgumentScalar}, {.Kind = ArgumentMemory, .Access = AccessRead, .SizeAt = 4}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = 0x40ull},
    {.Name = "sample_ebpf_extension_helper_implicit_1", .Id = 65539, .Returns = ReturnScalar, .ProgramTypes = 0x40ull},
    {.Name = "sample_ebpf_extension_helper_implicit_2", .Id = 65540, .ArgumentCount = 1, .Arguments = {{.Kind = ArgumentScalar, .Optional = TRUE}}, .Returns = ReturnScalar, .ProgramTypes = 0x40ull},
    {.Name = "sample_ext_helper_map_lookup_element", .Id = 65541, .ArgumentCount = 2, .Arguments = {{.Kind = ArgumentMap, .Types = 0x4001ull}, {.Kind = ArgumentMapKey}}, .Returns = ReturnMapValueOrNull, .ProgramTypes = 0x40ull},
    {.Name = "sample_ext_helper_map_get_value", .Id = 65542, .ArgumentCount = 4, .Arguments = {{.Kind = ArgumentMap, .Types = 0x4001ull}, {.Kind = ArgumentMapKey}, {.Kind = ArgumentMemory, .Access = AccessWrite, .SizeAt = 3}, {.Kind = ArgumentSize}}, .Returns = ReturnScalar, .ProgramTypes = 0x40ull},
};

const CHECK_PLATFORM RowsWindows = {.Name = "windows", .TypeCount = 7, .Types = WindowsTypes, .MapTypeCount = 16, .MapTypes = WindowsMapTypes, .HelperCount = 50, .Helpers = WindowsHelpers, .Objects = NULL};
