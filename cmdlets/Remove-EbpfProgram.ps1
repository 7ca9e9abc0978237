function Remove-EbpfProgram {
    <#
    .SYNOPSIS
    Detaches eBPF programs and unloads them.

    .DESCRIPTION
    Remove-EbpfProgram takes a program from the interfaces it is attached to and unloads it; its maps go with it. No
    packet is lost: those that come after it simply pass.

    .PARAMETER Name
    Names of programs; wildcards are taken.

    .PARAMETER Id
    Ids of programs.

    .PARAMETER InputObject
    Program objects, as Get-EbpfProgram and Add-EbpfProgram give them.

    .PARAMETER PassThru
    Give back an object for each program that was removed.

    .EXAMPLE
    Remove-EbpfProgram droppacket

    Removes the program of that name.

    .EXAMPLE
    Get-EbpfProgram drop* | Remove-EbpfProgram -WhatIf

    Says which programs would be removed.

    .EXAMPLE
    Remove-EbpfProgram -Id 3 -PassThru

    Removes the program with id 3, and gives what it was.

    .INPUTS
    Ebpf.Program

    .OUTPUTS
    None, or Ebpf.Program with -PassThru

    .LINK
    Add-EbpfProgram

    .LINK
    Get-EbpfProgram
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Name')]
    [OutputType('Ebpf.Program')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Name')]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Name,

        [Parameter(Mandatory, ParameterSetName = 'Id')]
        [int[]] $Id,

        [Parameter(Mandatory, ValueFromPipeline, ParameterSetName = 'InputObject')]
        [PSTypeName('Ebpf.Program')]
        [psobject] $InputObject,

        [switch] $PassThru
    )
    process {
        if ($PSCmdlet.ParameterSetName -eq 'InputObject') { $Id = , $InputObject.Id }
        foreach ($record in @(Find-EbpfProgram $PSCmdlet $Name $Id)) {
            $target = "program $($record.id) '$($record.name)'"
            $action = if ($record.interfaces.Count -gt 0) { "Detach from $($record.interfaces -join ', ') and unload" } else { 'Unload' }
            if (-not $PSCmdlet.ShouldProcess($target, $action)) { continue }
            try { $removed = Invoke-EbpfService program.remove @{ id = $record.id } $PSCmdlet }
            catch { Write-EbpfError $PSCmdlet $_; continue }
            if ($PassThru) { ConvertTo-EbpfObject Ebpf.Program $removed }
        }
    }
}
