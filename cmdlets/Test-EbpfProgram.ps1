function Test-EbpfProgram {
    <#
    .SYNOPSIS
    Verifies the programs of object files without loading them.

    .DESCRIPTION
    Test-EbpfProgram proves, or fails to prove, that a program can do no harm: that it reads and writes only what it
    may, calls only what it may, and comes to an end. It gives an object for each program with the verdict and, where
    the program is rejected, the failure: its code, the C line, and what to do. A rejected program is a result here,
    not an error.

    Of a folder, every object in it and below is taken: *.o, and what has no extension and is an ELF file for eBPF. A
    file that is damaged is an error, and the others are verified all the same.

    .PARAMETER Path
    The object file (.o), or a folder of object files. Wildcards are taken.

    .PARAMETER LiteralPath
    The object file or folder, with no character taken as a wildcard.

    .PARAMETER Program
    Verify only this program, by the name of its C function.

    .PARAMETER Platform
    The platform to verify for, where the object itself does not tell: windows or linux.

    .PARAMETER Type
    The program type to verify as, where the section's name does not tell, such as xdp or bind.

    .PARAMETER Btf
    A file with the types that CO-RE relocations are computed against (a .BTF section as it is, or an ELF file with
    one), or kernel for those of the Linux kernel that runs here. Without it, offsets are taken as the object has them.

    .PARAMETER Strict
    Also refuse what Linux lets only the privileged do: addresses that leave the program.

    .PARAMETER All
    Tell every failure that is found, in the property Failures, not only the first.

    .PARAMETER Quiet
    Give only $true or $false for each file: whether all its programs are accepted.

    .EXAMPLE
    Test-EbpfProgram droppacket.o

    The verdict on each program of the file.

    .EXAMPLE
    Test-EbpfProgram *.o | Where-Object Verdict -eq rejected | Format-List

    Why programs of this folder are rejected, with their C lines.

    .EXAMPLE
    Test-EbpfProgram build | Group-Object Verdict, Code -NoElement

    How many programs of a folder have which verdict.

    .EXAMPLE
    (Test-EbpfProgram droppacket.o -All).Failures | Format-Table Code, Message

    Everything that is wrong with a program, not only what is found first.

    .EXAMPLE
    if (Test-EbpfProgram droppacket.o -Quiet) { Add-EbpfProgram droppacket.o -Hook xdp }

    Adds the program only if it is accepted.

    .INPUTS
    System.String, System.IO.FileInfo

    .OUTPUTS
    Ebpf.Verification, or System.Boolean with -Quiet

    .LINK
    Add-EbpfProgram

    .LINK
    Get-EbpfDisassembly
    #>
    [CmdletBinding(DefaultParameterSetName = 'Path')]
    [OutputType('Ebpf.Verification', [bool])]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ParameterSetName = 'Path')]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Path,

        [Parameter(Mandatory, ValueFromPipelineByPropertyName, ParameterSetName = 'LiteralPath')]
        [Alias('PSPath', 'FullName')]
        [ValidateNotNullOrEmpty()]
        [string[]] $LiteralPath,

        [ValidateNotNullOrEmpty()]
        [string] $Program,

        [ValidateSet('windows', 'linux')]
        [string] $Platform,

        [ValidateNotNullOrEmpty()]
        [string] $Type,

        [ValidateNotNullOrEmpty()]
        [string] $Btf,

        [switch] $Strict,

        [switch] $All,

        [switch] $Quiet
    )
    process {
        $literal = $PSCmdlet.ParameterSetName -eq 'LiteralPath'
        $files = @(Resolve-EbpfPath $PSCmdlet $(if ($literal) { $LiteralPath } else { $Path }) -Literal:$literal -Folder)
        for ($index = 0; $index -lt $files.Count; $index++) {
            $file = $files[$index]
            if ($files.Count -gt 1) {
                Show-EbpfProgress $PSCmdlet 0 'Verifying' ([pscustomobject]@{ message = $file; done = $index; total = $files.Count })
            }
            $parameters = Select-EbpfParameter $PSBoundParameters program, platform, type, strict, all
            if ($Btf) { $parameters['btf'] = if ($Btf -eq 'kernel') { $Btf } else { $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Btf) } }
            $parameters['file'] = $file
            try { $records = @(Invoke-EbpfService object.verify $parameters $PSCmdlet "Verifying $([System.IO.Path]::GetFileName($file))") }
            catch { Write-EbpfError $PSCmdlet $_ $file; continue }
            if ($Quiet) { @($records | Where-Object { $_.verdict -ne 'accepted' }).Count -eq 0; continue }
            foreach ($record in $records) { ConvertTo-EbpfObject Ebpf.Verification $record }
        }
        if ($files.Count -gt 1) { Hide-EbpfProgress $PSCmdlet 0 'Verifying' }
    }
}
