# What the user named -> what there is: paths to files, names with wildcards to records.

<#
Full file system paths for -Path (with wildcards) or -LiteralPath; an error for each that is not there.
-Folder: folders are taken too, and stand for the objects in them and below.
#>
function Resolve-EbpfPath {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [string[]] $Path, [switch] $Literal, [switch] $Folder)
    foreach ($item in $Path) {
        try {
            $found = @(foreach ($place in Find-EbpfFile $Cmdlet $item -Literal:$Literal -Folder:$Folder) {
                if ($Folder -and [System.IO.Directory]::Exists($place)) { Invoke-EbpfService object.find @{ folder = $place } $Cmdlet }
                else { $place }
            })
        }
        catch { Write-EbpfError $Cmdlet $_ $item; continue }
        $found
    }
}

function Find-EbpfFile {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [string] $Path, [switch] $Literal, [switch] $Folder)
    $paths = $Cmdlet.SessionState.Path
    $provider = $null
    $drive = $null
    try {
        $files = if ($Literal) { , $paths.GetUnresolvedProviderPathFromPSPath($Path, [ref]$provider, [ref]$drive) }
        else { $paths.GetResolvedProviderPathFromPSPath($Path, [ref]$provider) }
    }
    catch [System.Management.Automation.ItemNotFoundException], [System.Management.Automation.DriveNotFoundException] {
        Clear-EbpfError $_
        $files = @()
    }
    if ($null -ne $provider -and $provider.Name -ne 'FileSystem') {
        throw (New-EbpfException FileNotFound "$Path is not in the file system." -Target $Path)
    }
    $files = @(foreach ($file in $files) {
        if ([System.IO.File]::Exists($file) -or ($Folder -and [System.IO.Directory]::Exists($file))) { $file }
    })
    if ($files.Count -gt 0) { return $files }
    throw (New-EbpfException FileNotFound "There is no file $Path." -Target $Path)
}

<# The records whose name is like one of the names; an error with that code for each plain name that has none. #>
function Select-EbpfByName {
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [object[]] $Records,
        [string[]] $Name,
        [string] $Code,
        [string] $Noun
    )
    $patterns = @(foreach ($text in $Name) { [System.Management.Automation.WildcardPattern]::new($text, 'IgnoreCase') })
    foreach ($record in $Records) {
        foreach ($pattern in $patterns) { if ($pattern.IsMatch($record.name)) { $record; break } }
    }
    foreach ($text in $Name) {
        if ([System.Management.Automation.WildcardPattern]::ContainsWildcardCharacters($text)) { continue }
        $plain = [System.Management.Automation.WildcardPattern]::Unescape($text)
        if (@($Records | Where-Object { $_.name -eq $plain }).Count -gt 0) { continue }
        try { throw (New-EbpfException $Code "There is no $Noun $plain." -Target $plain) }
        catch { Write-EbpfError $Cmdlet $_ }
    }
}

<# Program records by name, or by id if ids are given; errors for what is not there. #>
function Find-EbpfProgram {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [string[]] $Name, [int[]] $Id, [string] $HostName)
    Find-EbpfRecord $Cmdlet program.list $Name $Id ProgramNotFound program (Get-EbpfHostParameter $Id $HostName)
}

function Find-EbpfMap {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [string[]] $Name, [int[]] $Id, [string] $HostName)
    Find-EbpfRecord $Cmdlet map.list $Name $Id MapNotFound map (Get-EbpfHostParameter $Id $HostName)
}

<# Of which host is asked: the one that is named, or, for ids that the service never gives, the kernel's. #>
function Get-EbpfHostParameter {
    param([int[]] $Id, [string] $HostName)
    if ($HostName) { @{ host = $HostName } }
    elseif (@($Id | Where-Object { $_ -gt 1000000000 }).Count -gt 0) { @{ host = 'kernel' } }
    else { @{} }
}

function Find-EbpfInterface {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [string[]] $Name)
    Find-EbpfRecord $Cmdlet interface.list $Name @() InterfaceNotFound interface
}

function Find-EbpfRecord {
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [string] $Method,
        [string[]] $Name,
        [int[]] $Id,
        [string] $Code,
        [string] $Noun,
        [hashtable] $Parameters = @{}
    )
    try { $records = @(Invoke-EbpfService $Method $Parameters $Cmdlet) }
    catch { Write-EbpfError $Cmdlet $_; return }
    if ($null -eq $Id -or $Id.Count -eq 0) { return Select-EbpfByName $Cmdlet $records $Name $Code $Noun }
    foreach ($one in $Id) {
        $found = @(foreach ($record in $records) { if ($record.id -eq $one) { $record } })
        if ($found.Count -gt 0) { $found; continue }
        try { throw (New-EbpfException $Code "There is no $Noun with id $one." -Target $one) }
        catch { Write-EbpfError $Cmdlet $_ }
    }
}
