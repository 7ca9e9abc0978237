function Add-EbpfProgram {
    <#
    .SYNOPSIS
    Verifies an eBPF program, loads it, and attaches it to a hook.

    .DESCRIPTION
    Add-EbpfProgram reads an object file that clang made, verifies the program in it, loads it into the service, and
    attaches it to the hook of an interface. From then on the program decides about every packet of that interface.

    A program that cannot be proved safe is refused: the error ProgramRejected tells the C line, what is wrong with it
    and what to do. Nothing is loaded then, and what was attached before stays attached.

    The service is started if it does not run yet.

    .PARAMETER Path
    The object file (.o). Wildcards are taken.

    .PARAMETER LiteralPath
    The object file, with no character taken as a wildcard.

    .PARAMETER Hook
    The hook to attach to, such as xdp. Without a hook, and without an interface, the program is loaded but attached nowhere.

    .PARAMETER Interface
    The interface to attach to: one of the service, which may be left out where there is only one, or, in the driver, one of Windows
    by its name or number, without which the program is attached to all.

    .PARAMETER Name
    The name to give the program. By default it is the name of the C function.

    .PARAMETER Program
    Which of the object's programs to load, by the name of its C function. It may be left out where there is only one.

    .PARAMETER HostName
    Who runs the program (-Host for short): kernel, the driver, or embedded, the service. Without it the driver does, where it runs and has
    the hook, and the service for its own interfaces and for programs for Linux. Host and Engine of what is given tell.

    .PARAMETER Engine
    How the program is run. In the service: wasm (compiled, the default) or interpreter. In the driver: jit (compiled, the default) or
    interpreter. What nothing proves is interpreted there; EngineReason of what is given tells.

    .PARAMETER Platform
    The platform the object was written for, where the object itself does not tell: windows or linux.

    .PARAMETER Persistent
    Keep the program and the contents of its maps when the service or the machine starts again.

    .PARAMETER Replace
    Take the place of the program that is attached there now, between two packets.

    .PARAMETER AllowUncertified
    Load the program also if the verifier alone says that it is safe, and the independent checker of certificates cannot follow why
    (the error VerifierDisagreement).

    .EXAMPLE
    Add-EbpfProgram droppacket.o -Hook xdp

    Attaches the program of droppacket.o to the only interface there is.

    .EXAMPLE
    Add-EbpfProgram droppacket.o -Hook xdp -Host kernel

    Attaches it in the driver, to all interfaces of Windows.

    .EXAMPLE
    Add-EbpfProgram droppacket.o -Hook xdp -Interface wire -Replace -WhatIf

    Says what would be done, and does nothing.

    .EXAMPLE
    Get-ChildItem filters/*.o | Add-EbpfProgram | Format-Table Id, Name, Type

    Loads every object of a folder, without attaching any.

    .INPUTS
    System.String, System.IO.FileInfo

    .OUTPUTS
    Ebpf.Program

    .LINK
    Get-EbpfProgram

    .LINK
    Remove-EbpfProgram

    .LINK
    Test-EbpfProgram
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Path')]
    [OutputType('Ebpf.Program')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ParameterSetName = 'Path')]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Path,

        [Parameter(Mandatory, ValueFromPipelineByPropertyName, ParameterSetName = 'LiteralPath')]
        [Alias('PSPath', 'FullName')]
        [ValidateNotNullOrEmpty()]
        [string[]] $LiteralPath,

        [Parameter(Position = 1)]
        [ValidateNotNullOrEmpty()]
        [string] $Hook,

        [ValidateNotNullOrEmpty()]
        [string] $Interface,

        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [ValidateNotNullOrEmpty()]
        [string] $Program,

        [Alias('Host')]
        [ValidateSet('embedded', 'kernel')]
        [string] $HostName,

        [ValidateSet('wasm', 'interpreter', 'jit')]
        [string] $Engine,

        [ValidateSet('windows', 'linux')]
        [string] $Platform,

        [switch] $Persistent,

        [switch] $Replace,

        [switch] $AllowUncertified
    )
    process {
        $literal = $PSCmdlet.ParameterSetName -eq 'LiteralPath'
        $action = Get-EbpfAddAction $PSBoundParameters
        foreach ($file in Resolve-EbpfPath $PSCmdlet $(if ($literal) { $LiteralPath } else { $Path }) -Literal:$literal) {
            if (-not $PSCmdlet.ShouldProcess($file, $action)) { continue }
            $parameters = Select-EbpfParameter $PSBoundParameters hook, interface, name, program, engine, platform, persistent, replace, allowUncertified
            $parameters['file'] = $file
            if ($HostName) { $parameters['host'] = $HostName }
            try { $record = Invoke-EbpfService program.add $parameters $PSCmdlet "Adding $([System.IO.Path]::GetFileName($file))" }
            catch { Write-EbpfError $PSCmdlet $_ $file; continue }
            ConvertTo-EbpfObject Ebpf.Program $record
        }
    }
}
