function Get-EbpfMap {
    <#
    .SYNOPSIS
    Gets the maps of the loaded programs.

    .DESCRIPTION
    Get-EbpfMap gives an object for each map: its type, the sizes of key and value, how many entries it has and may
    have. Maps are where programs count and where they are told what to do.

    .PARAMETER Name
    Names of maps; wildcards are taken. Without it all maps are given.

    .PARAMETER Id
    Ids of maps.

    .PARAMETER HostName
    Only maps of that host (-Host for short): embedded, or kernel. Of the host kernel also those that other processes have in the driver
    are given.

    .PARAMETER Program
    Program objects, as Get-EbpfProgram gives them: only their maps are given.

    .EXAMPLE
    Get-EbpfMap

    All maps.

    .EXAMPLE
    Get-EbpfProgram droppacket | Get-EbpfMap | Get-EbpfMapEntry

    What is in the maps of a program.

    .INPUTS
    System.String, Ebpf.Program

    .OUTPUTS
    Ebpf.Map

    .LINK
    Get-EbpfMapEntry
    #>
    [CmdletBinding(DefaultParameterSetName = 'Name')]
    [OutputType('Ebpf.Map')]
    param(
        [Parameter(Position = 0, ValueFromPipeline, ParameterSetName = 'Name')]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Name = '*',

        [Parameter(Mandatory, ParameterSetName = 'Id')]
        [int[]] $Id,

        [Parameter(Mandatory, ValueFromPipeline, ParameterSetName = 'Program')]
        [PSTypeName('Ebpf.Program')]
        [psobject] $Program,

        [Parameter(ParameterSetName = 'Name')]
        [Parameter(ParameterSetName = 'Id')]
        [Alias('Host')]
        [ValidateSet('embedded', 'kernel')]
        [string] $HostName
    )
    process {
        if ($PSCmdlet.ParameterSetName -eq 'Program') {
            $Id = $Program.MapIds
            if (@($Id).Count -eq 0) { return }
        }
        foreach ($record in Find-EbpfMap $PSCmdlet $Name $Id $HostName) { ConvertTo-EbpfObject Ebpf.Map $record }
    }
}
