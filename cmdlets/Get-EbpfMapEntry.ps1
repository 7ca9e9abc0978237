function Get-EbpfMapEntry {
    <#
    .SYNOPSIS
    Gets the entries of a map.

    .DESCRIPTION
    Get-EbpfMapEntry gives an object for each entry of a map. Key and Value are numbers and structures by the types of
    the C program (clang -g), else hexadecimal text; KeyHex and ValueHex are always the bytes. The value of a per-CPU
    map is a list with one value for each CPU.

    .PARAMETER Name
    Names of maps; wildcards are taken.

    .PARAMETER Id
    Ids of maps.

    .PARAMETER InputObject
    Map objects, as Get-EbpfMap gives them.

    .PARAMETER Key
    Only the entry of this key: a number, a table of the members of a structure, or bytes as 0x and hexadecimal digits.

    .EXAMPLE
    Get-EbpfMapEntry dropcnt_map

    All entries of the map.

    .EXAMPLE
    (Get-EbpfMapEntry dropcnt_map -Key 0).Value

    One value.

    .EXAMPLE
    Get-EbpfMap flow* | Get-EbpfMapEntry | Sort-Object Value -Descending | Select-Object -First 10

    The ten largest values of several maps.

    .INPUTS
    Ebpf.Map

    .OUTPUTS
    Ebpf.MapEntry

    .LINK
    Get-EbpfMap
    #>
    [CmdletBinding(DefaultParameterSetName = 'Name')]
    [OutputType('Ebpf.MapEntry')]
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

        [Parameter(Position = 1)]
        [ValidateNotNull()]
        [object] $Key
    )
    process {
        if ($PSCmdlet.ParameterSetName -eq 'InputObject') { $Id = , $InputObject.Id }
        foreach ($map in Find-EbpfMap $PSCmdlet $Name $Id) {
            try {
                $records = if ($PSBoundParameters.ContainsKey('Key')) { Invoke-EbpfService map.lookup @{ id = $map.id; key = $Key } $PSCmdlet }
                else { Invoke-EbpfService map.dump @{ id = $map.id } $PSCmdlet }
            }
            catch { Write-EbpfError $PSCmdlet $_; continue }
            foreach ($record in $records) { ConvertTo-EbpfObject Ebpf.MapEntry $record }
        }
    }
}
