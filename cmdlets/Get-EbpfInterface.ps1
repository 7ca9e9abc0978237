function Get-EbpfInterface {
    <#
    .SYNOPSIS
    Gets the interfaces whose packets programs decide about.

    .DESCRIPTION
    Get-EbpfInterface gives an object for each interface of the service: its kind and settings, the program attached to
    it, and how many packets it received, passed and dropped since it was made.

    .PARAMETER Name
    Names of interfaces; wildcards are taken. Without it all interfaces are given.

    .EXAMPLE
    Get-EbpfInterface

    All interfaces.

    .EXAMPLE
    (Get-EbpfInterface wire).Dropped

    How many packets were dropped there.

    .INPUTS
    System.String

    .OUTPUTS
    Ebpf.Interface

    .LINK
    New-EbpfInterface

    .LINK
    Remove-EbpfInterface
    #>
    [CmdletBinding()]
    [OutputType('Ebpf.Interface')]
    param(
        [Parameter(Position = 0, ValueFromPipeline)]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Name = '*'
    )
    process {
        foreach ($record in Find-EbpfInterface $PSCmdlet $Name) { ConvertTo-EbpfObject Ebpf.Interface $record }
    }
}
