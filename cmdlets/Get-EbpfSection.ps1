function Get-EbpfSection {
    <#
    .SYNOPSIS
    Gets the sections of an object file.

    .DESCRIPTION
    Get-EbpfSection gives an object for each section of an eBPF object file: what it holds, how large it is, which
    programs are in it, and what type of program its name means.

    .PARAMETER Path
    The object file (.o). Wildcards are taken.

    .PARAMETER LiteralPath
    The object file, with no character taken as a wildcard.

    .EXAMPLE
    Get-EbpfSection droppacket.o

    All sections.

    .EXAMPLE
    Get-EbpfSection *.o | Where-Object Programs | Format-Table File, Section, Programs

    The sections that hold programs.

    .INPUTS
    System.String, System.IO.FileInfo

    .OUTPUTS
    Ebpf.Section

    .LINK
    Get-EbpfDisassembly
    #>
    [CmdletBinding(DefaultParameterSetName = 'Path')]
    [OutputType('Ebpf.Section')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ParameterSetName = 'Path')]
        [ValidateNotNullOrEmpty()]
        [SupportsWildcards()]
        [string[]] $Path,

        [Parameter(Mandatory, ValueFromPipelineByPropertyName, ParameterSetName = 'LiteralPath')]
        [Alias('PSPath', 'FullName')]
        [ValidateNotNullOrEmpty()]
        [string[]] $LiteralPath
    )
    process {
        $literal = $PSCmdlet.ParameterSetName -eq 'LiteralPath'
        foreach ($file in Resolve-EbpfPath $PSCmdlet $(if ($literal) { $LiteralPath } else { $Path }) -Literal:$literal) {
            try { $records = Invoke-EbpfService object.sections @{ file = $file } $PSCmdlet }
            catch { Write-EbpfError $PSCmdlet $_ $file; continue }
            foreach ($record in $records) { ConvertTo-EbpfObject Ebpf.Section $record }
        }
    }
}
