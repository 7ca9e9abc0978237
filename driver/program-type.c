#include "program-type.h"

#include "hooks/bind.h"
#include "hooks/sock-addr.h"
#include "hooks/sock-ops.h"
#include "hooks/xdp.h"

static const EBPF_PROGRAM_TYPE *const Types[] = {
    &XdpProgramType,
    &BindProgramType,
    &SockAddrProgramType,
    &SockOpsProgramType,
};

_Use_decl_annotations_
const EBPF_PROGRAM_TYPE *
ProgramTypeFind(UINT32 Number)
{
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Types); Index++)
        if (Types[Index]->Number == Number)
            return Types[Index];
    return NULL;
}
