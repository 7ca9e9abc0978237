function Receive-EbpfRingBuffer {
    <#
    .SYNOPSIS
    Takes the records of ring buffers, as programs write them.

    .DESCRIPTION
    Receive-EbpfRingBuffer gives an object for each record of a ring buffer, the oldest first. What is read is gone from the ring
    buffer. Without -Wait and -TimeoutSeconds it gives the records that are there.

    Bytes are the record's bytes, Hex the same as text. Value is a structure by the type that -Type names, else hexadecimal text. Time is
    when the record was received. Records that were lost, because nobody read them in time, are told by a warning.

    -Count takes no more records than it gives. A pipeline that ends early, as with Select-Object -First, loses what was received at once
    with the last one.

    .PARAMETER Name
    Names of ring buffers; wildcards are taken.

    .PARAMETER Id
    Ids of ring buffers.

    .PARAMETER InputObject
    Map objects, as Get-EbpfMap gives them.

    .PARAMETER Count
    At most so many records.

    .PARAMETER Type
    The type of the records in the C program (clang -g), as 'struct event' or 'event'.

    .PARAMETER TimeoutSeconds
    Waits for records, for so long at most.

    .PARAMETER Wait
    Waits for records until Ctrl+C, or until -Count have come.

    .EXAMPLE
    Receive-EbpfRingBuffer events

    The records that are there.

    .EXAMPLE
    Receive-EbpfRingBuffer events -Type event -Wait

    Shows records as they come, by their type, until Ctrl+C.

    .EXAMPLE
    Receive-EbpfRingBuffer events -Count 1 -TimeoutSeconds 10

    The next record, if one comes within ten seconds.

    .EXAMPLE
    Receive-EbpfRingBuffer events -Type event -TimeoutSeconds 60 | Where-Object { $_.Value.length -gt 1000 }

    What is of interest of the records of a minute.

    .INPUTS
    Ebpf.Map

    .OUTPUTS
    Ebpf.Record

    .LINK
    Get-EbpfMap
    #>
    [CmdletBinding(DefaultParameterSetName = 'Name')]
    [OutputType('Ebpf.Record')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Name')]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Name,

        [Parameter(Mandatory, ParameterSetName = 'Id')]
        [int[]] $Id,

        [Parameter(Mandatory, ValueFromPipeline, ParameterSetName = 'InputObject')]
        [PSTypeName('Ebpf.Map')]
        [psobject] $InputObject,

        [ValidateRange(1, [int]::MaxValue)]
        [int] $Count = [int]::MaxValue,

        [ValidateNotNullOrEmpty()]
        [string] $Type,

        [ValidateRange(0, 2147483)]
        [double] $TimeoutSeconds = 0,

        [switch] $Wait
    )
    begin { $maps = [System.Collections.Generic.List[object]]::new() }
    process {
        if ($PSCmdlet.ParameterSetName -eq 'InputObject') { $Id = , $InputObject.Id }
        foreach ($map in Find-EbpfMap $PSCmdlet $Name $Id) {
            # Of those that a wildcard meets, and nobody named.
            $isNamed = $null -ne $Id -or $Name -contains $map.name
            if ($isNamed -or $map.type -eq 'ringbuf') { $maps.Add($map) }
        }
    }
    end {
        $milliseconds = if ($Wait) { [double]::PositiveInfinity } else { 1000 * $TimeoutSeconds }
        Read-EbpfRing $PSCmdlet $maps $Count $Type $milliseconds
    }
}
