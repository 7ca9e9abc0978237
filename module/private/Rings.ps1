# Records of ring buffers: asked for again and again, in turns if there are several, so that Ctrl-C and Select-Object -First end it.

# How long one request waits, and how much it takes.
$script:RingWaitMilliseconds = 1000
$script:RingLimit = 256

<# Writes records as they come, until there are that many, or the time is over and none is left. #>
function Read-EbpfRing {
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [System.Collections.Generic.List[object]] $Maps,
        [int] $Count,
        [string] $Type,
        [double] $Milliseconds
    )
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $lost = @{}
    while ($Maps.Count -gt 0) {
        $remaining = [Math]::Max(0.0, $Milliseconds - $clock.ElapsedMilliseconds)
        $turn = [int][Math]::Floor([Math]::Min($remaining, $script:RingWaitMilliseconds / $Maps.Count))
        $found = 0
        foreach ($map in $Maps.ToArray()) {
            $parameters = @{ id = $map.id; limit = [Math]::Min($Count, $script:RingLimit); milliseconds = $turn }
            if ($Type) { $parameters['type'] = $Type }
            try { $read = Invoke-EbpfService map.read $parameters $Cmdlet }
            catch {
                Write-EbpfError $Cmdlet $_
                $null = $Maps.Remove($map)
                continue
            }
            if ($read.dropped -gt [long]$lost[$map.id]) {
                $Cmdlet.WriteWarning("$($read.dropped) records of ring buffer '$($map.name)' were lost: there was no room for them.")
            }
            $lost[$map.id] = $read.dropped
            $time = [datetime]::Now
            foreach ($record in $read.records) { New-EbpfRecord $read $record $time }
            $found += $read.records.Count
            $Count -= $read.records.Count
            if ($Count -le 0) { return }
        }
        if ($found -eq 0 -and $clock.ElapsedMilliseconds -ge $Milliseconds) { return }
    }
}

function New-EbpfRecord {
    param([psobject] $Read, [psobject] $Record, [datetime] $Time)
    $result = [pscustomobject][ordered]@{
        Time = $Time; MapId = $Read.mapId; Map = $Read.map
        Value = $Record.value; Bytes = ConvertFrom-EbpfHex $Record.hex; Hex = $Record.hex
    }
    $result.PSObject.TypeNames.Insert(0, 'Ebpf.Record')
    $result
}

# Of .NET 5 and later.
$script:FromHexString = [Convert].GetMethod('FromHexString', [type[]]@([string]))

<# The bytes of text as 0x0a0b. #>
function ConvertFrom-EbpfHex {
    param([string] $Text)
    $digits = $Text.Substring(2)
    if ($null -ne $script:FromHexString) { return , [byte[]]$script:FromHexString.Invoke($null, @($digits)) }
    $bytes = [byte[]]::new($digits.Length / 2)
    for ($index = 0; $index -lt $bytes.Length; $index++) { $bytes[$index] = [Convert]::ToByte($digits.Substring(2 * $index, 2), 16) }
    , $bytes
}
