# Records of the service (core/manager/records.ts) as typed objects: Pascal case, every property always there, dates as
# dates, counters flat so that tables and grids can show them. Knows shapes, no methods.

# Type name -> names of the record in order. A test holds them equal to records.ts.
$script:Shapes = @{
    'Ebpf.Program'      = 'id', 'name', 'type', 'platform', 'hook', 'interfaces', 'file', 'section', 'engine', 'engineReason', 'certified', 'host', 'instructions', 'mapIds', 'persistent', 'loadedAt', 'problem'
    'Ebpf.Verification' = 'file', 'section', 'program', 'type', 'platform', 'verdict', 'code', 'message', 'remedy', 'instruction', 'source', 'failure', 'failures', 'instructions', 'steps', 'states', 'milliseconds'
    'Ebpf.Failure'      = 'code', 'message', 'remedy', 'instruction', 'slot', 'text', 'source', 'registers', 'slice', 'known', 'needed', 'mend', 'example'
    'Ebpf.Example'      = 'packetLength', 'packetHex', 'contextHex', 'context', 'maps', 'memory', 'answers', 'confirmed', 'observed'
    'Ebpf.Mend'         = 'file', 'line', 'place', 'text'
    'Ebpf.Slice'        = 'instruction', 'slot', 'text', 'source', 'note'
    'Ebpf.Source'       = 'file', 'line', 'column', 'text'
    'Ebpf.Instruction'  = 'file', 'section', 'program', 'function', 'slot', 'bytes', 'text', 'source'
    'Ebpf.Section'      = 'file', 'section', 'kind', 'sizeBytes', 'programs', 'type'
    'Ebpf.Map'          = 'id', 'name', 'type', 'keySizeBytes', 'valueSizeBytes', 'maxEntries', 'entries', 'persistent', 'programIds'
    'Ebpf.MapEntry'     = 'mapId', 'map', 'key', 'value', 'keyHex', 'valueHex'
    'Ebpf.Interface'    = 'name', 'kind', 'state', 'progress', 'delayMilliseconds', 'settings', 'programId', 'program', 'problem', 'counters'
    'Ebpf.Counters'     = 'received', 'receivedBytes', 'passed', 'dropped', 'transmitted', 'aborted', 'errors'
    'Ebpf.Driver'       = 'name', 'state', 'startType', 'path', 'file', 'signature', 'refusal', 'contract', 'engine', 'engineReason', 'allowUncertified', 'hooks', 'programs', 'maps', 'links', 'clients', 'testSigning', 'secureBoot', 'memoryIntegrity', 'problems'
    'Ebpf.Service'      = 'processId', 'version', 'protocol', 'startedAt', 'socket', 'stateFolder', 'memoryBytes', 'programs', 'maps', 'links', 'interfaces', 'problems'
}
# Members that are not taken as they are.
$script:Conversions = @{
    source    = { ConvertTo-EbpfObject Ebpf.Source $args[0] }
    failure   = { ConvertTo-EbpfObject Ebpf.Failure $args[0] }
    failures  = { , @(foreach ($record in $args[0]) { ConvertTo-EbpfObject Ebpf.Failure $record }) }
    example   = { ConvertTo-EbpfObject Ebpf.Example $args[0] }
    mend      = { ConvertTo-EbpfObject Ebpf.Mend $args[0] }
    slice     = { , @(foreach ($record in $args[0]) { ConvertTo-EbpfObject Ebpf.Slice $record }) }
    loadedAt  = { ConvertTo-EbpfDate $args[0] }
    startedAt = { ConvertTo-EbpfDate $args[0] }
    counters  = { $args[0] }
}
$script:PascalNames = @{}

<# The value of a member, or $null where the object or the member is not there (which strict mode would refuse). #>
function Get-EbpfMember {
    param([object] $InputObject, [string] $Name)
    if ($null -eq $InputObject) { return $null }
    $member = $InputObject.PSObject.Properties[$Name]
    if ($null -eq $member) { return $null }
    , $member.Value
}

<# A record as an object of that type. #>
function ConvertTo-EbpfObject {
    param([string] $Type, [psobject] $Record)
    $properties = [ordered]@{}
    Add-EbpfProperty $properties $Type $Record
    $result = [pscustomobject]$properties
    $result.PSObject.TypeNames.Insert(0, $Type)
    $result
}

function Add-EbpfProperty {
    param([System.Collections.Specialized.OrderedDictionary] $Properties, [string] $Type, [psobject] $Record)
    if (-not $script:PascalNames.ContainsKey($Type)) {
        $script:PascalNames[$Type] = @(foreach ($name in $script:Shapes[$Type]) { $name.Substring(0, 1).ToUpperInvariant() + $name.Substring(1) })
    }
    $names = $script:Shapes[$Type]
    $pascal = $script:PascalNames[$Type]
    $members = $Record.PSObject.Properties
    for ($index = 0; $index -lt $names.Length; $index++) {
        $name = $names[$index]
        $member = $members[$name]
        $value = $null
        if ($null -ne $member) { $value = $member.Value }
        if ($null -ne $value -and $script:Conversions.ContainsKey($name)) {
            if ($name -eq 'counters') { Add-EbpfProperty $Properties Ebpf.Counters $value; continue }
            $value = & $script:Conversions[$name] $value
        }
        $Properties[$pascal[$index]] = $value
    }
}

<# Local time. PowerShell 7.0 to 7.4 have made a date of the text already. #>
function ConvertTo-EbpfDate {
    param([object] $Value)
    if ($Value -isnot [datetime]) {
        $Value = [datetime]::Parse($Value, [cultureinfo]::InvariantCulture, [System.Globalization.DateTimeStyles]::RoundtripKind)
    }
    $Value.ToLocalTime()
}
