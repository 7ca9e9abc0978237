function Get-EbpfProgram {
    <#
    .SYNOPSIS
    Gets the eBPF programs that are loaded.

    .DESCRIPTION
    Get-EbpfProgram gives an object for each program the service has loaded: what it is, where it is attached, which
    engine runs it. A program given from the pipeline is looked up again.

    .PARAMETER Name
    Names of programs; wildcards are taken. Without it all programs are given.

    .PARAMETER Id
    Ids of programs.

    .PARAMETER HostName
    Only programs of that host (-Host for short): embedded, or kernel. Of the host kernel also those that other processes have in the driver
    are given.

    .PARAMETER InputObject
    Program objects to look up again.

    .EXAMPLE
    Get-EbpfProgram

    All programs.

    .EXAMPLE
    Get-EbpfProgram -Host kernel

    All programs in the driver, whoever loaded them.

    .EXAMPLE
    Get-EbpfProgram drop* | Format-List

    Everything about the programs whose names begin with drop.

    .EXAMPLE
    $program = Add-EbpfProgram droppacket.o
    $program | Get-EbpfProgram

    The program as it is now.

    .INPUTS
    System.String, Ebpf.Program

    .OUTPUTS
    Ebpf.Program

    .LINK
    Add-EbpfProgram

    .LINK
    Remove-EbpfProgram
    #>
    [CmdletBinding(DefaultParameterSetName = 'Name')]
    [OutputType('Ebpf.Program')]
    param(
        [Parameter(Position = 0, ValueFromPipeline, ParameterSetName = 'Name')]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Name = '*',

        [Parameter(Mandatory, ParameterSetName = 'Id')]
        [int[]] $Id,

        [Parameter(Mandatory, ValueFromPipeline, ParameterSetName = 'InputObject')]
        [PSTypeName('Ebpf.Program')]
        [psobject] $InputObject,

        [Parameter(ParameterSetName = 'Name')]
        [Parameter(ParameterSetName = 'Id')]
        [Alias('Host')]
        [ValidateSet('embedded', 'kernel')]
        [string] $HostName
    )
    process {
        if ($PSCmdlet.ParameterSetName -eq 'InputObject') { $Id = , $InputObject.Id }
        foreach ($record in Find-EbpfProgram $PSCmdlet $Name $Id $HostName) { ConvertTo-EbpfObject Ebpf.Program $record }
    }
}
