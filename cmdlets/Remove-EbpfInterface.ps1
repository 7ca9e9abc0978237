function Remove-EbpfInterface {
    <#
    .SYNOPSIS
    Removes interfaces.

    .DESCRIPTION
    Remove-EbpfInterface ends an interface of the service: a gateway stops relaying, a tap wire is cut. An interface
    that a program is attached to is removed only with -Force; the program stays loaded.

    .PARAMETER Name
    Names of interfaces; wildcards are taken.

    .PARAMETER InputObject
    Interface objects, as Get-EbpfInterface and New-EbpfInterface give them.

    .PARAMETER Force
    Also remove an interface that a program is attached to.

    .PARAMETER PassThru
    Give back an object for each interface that was removed.

    .EXAMPLE
    Remove-EbpfInterface dns

    Removes the interface of that name.

    .EXAMPLE
    Get-EbpfInterface | Where-Object Kind -eq gateway | Remove-EbpfInterface -Force

    Removes all gateways.

    .INPUTS
    Ebpf.Interface

    .OUTPUTS
    None, or Ebpf.Interface with -PassThru

    .LINK
    Get-EbpfInterface

    .LINK
    New-EbpfInterface
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Name')]
    [OutputType('Ebpf.Interface')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Name')]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Name,

        [Parameter(Mandatory, ValueFromPipeline, ParameterSetName = 'InputObject')]
        [PSTypeName('Ebpf.Interface')]
        [psobject] $InputObject,

        [switch] $Force,

        [switch] $PassThru
    )
    process {
        if ($PSCmdlet.ParameterSetName -eq 'InputObject') { $Name = , [System.Management.Automation.WildcardPattern]::Escape($InputObject.Name) }
        foreach ($record in @(Find-EbpfInterface $PSCmdlet $Name)) {
            $action = "Remove the $($record.kind) interface"
            $program = Get-EbpfMember $record program
            if ($null -ne $program -and $Force) { $action += " and detach program '$program' from it" }
            if (-not $PSCmdlet.ShouldProcess($record.name, $action)) { continue }
            try { $removed = Invoke-EbpfService interface.remove @{ name = $record.name; force = [bool]$Force } $PSCmdlet }
            catch { Write-EbpfError $PSCmdlet $_; continue }
            if ($PassThru) { ConvertTo-EbpfObject Ebpf.Interface $removed }
        }
    }
}
