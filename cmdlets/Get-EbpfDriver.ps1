function Get-EbpfDriver {
    <#
    .SYNOPSIS
    Gets the state of the driver EbpfCore.sys.

    .DESCRIPTION
    Get-EbpfDriver tells whether the driver is installed and runs, which file its service has and what Windows makes of the
    file's signature, and, if it runs, what it says itself: its engine, and why that is not the JIT, what is loaded in it, and
    whether programs that nothing proves may be compiled. Problems tells what is wrong and what to do. A service that was
    made with sc is shown as any other. Refusal tells why Windows did not load it, by its event logs, until it has started.
    What the driver holds is told to administrators only.

    .EXAMPLE
    Get-EbpfDriver | Format-List

    Everything about the driver.

    .EXAMPLE
    (Get-EbpfDriver).State -eq 'running'

    Whether it runs.

    .OUTPUTS
    Ebpf.Driver

    .LINK
    Install-EbpfDriver

    .LINK
    Start-EbpfDriver
    #>
    [CmdletBinding()]
    [OutputType('Ebpf.Driver')]
    param()
    process {
        try { Invoke-EbpfDriver 'status' }
        catch { Write-EbpfError $PSCmdlet $_ }
    }
}
