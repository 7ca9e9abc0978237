function Get-EbpfDisassembly {
    <#
    .SYNOPSIS
    Gets the instructions of the programs in an object file.

    .DESCRIPTION
    Get-EbpfDisassembly gives an object for each instruction: its slot, its bytes, its assembly text, and the C line it
    was compiled from where the object has that (clang -g).

    .PARAMETER Path
    The object file (.o). Wildcards are taken.

    .PARAMETER LiteralPath
    The object file, with no character taken as a wildcard.

    .PARAMETER Program
    Only this program, by the name of its C function.

    .PARAMETER Platform
    The platform whose names are shown, where the object itself does not tell: windows or linux.

    .EXAMPLE
    Get-EbpfDisassembly droppacket.o

    All instructions, beside their C lines.

    .EXAMPLE
    Get-EbpfDisassembly droppacket.o | Where-Object Text -like 'call*'

    The calls of helpers and of other functions.

    .INPUTS
    System.String, System.IO.FileInfo

    .OUTPUTS
    Ebpf.Instruction

    .LINK
    Get-EbpfSection

    .LINK
    Test-EbpfProgram
    #>
    [CmdletBinding(DefaultParameterSetName = 'Path')]
    [OutputType('Ebpf.Instruction')]
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
        [string] $Platform
    )
    process {
        $literal = $PSCmdlet.ParameterSetName -eq 'LiteralPath'
        foreach ($file in Resolve-EbpfPath $PSCmdlet $(if ($literal) { $LiteralPath } else { $Path }) -Literal:$literal) {
            $parameters = Select-EbpfParameter $PSBoundParameters program, platform
            $parameters['file'] = $file
            try { $records = Invoke-EbpfService object.disassemble $parameters $PSCmdlet }
            catch { Write-EbpfError $PSCmdlet $_ $file; continue }
            foreach ($record in $records) { ConvertTo-EbpfObject Ebpf.Instruction $record }
        }
    }
}
