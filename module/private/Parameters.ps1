# What cmdlets do with their parameters before they call: the ones to send on, the words for -WhatIf.

<# The bound ones of these parameters, under their names on the wire; switches as booleans. #>
function Select-EbpfParameter {
    param([System.Collections.IDictionary] $Bound, [string[]] $Name)
    $result = @{}
    foreach ($key in $Name) {
        if (-not $Bound.ContainsKey($key)) { continue }
        $value = $Bound[$key]
        if ($value -is [switch]) { $value = [bool]$value }
        $result[$key] = $value
    }
    $result
}

<# What Add-EbpfProgram is about to do with a file, in words. #>
function Get-EbpfAddAction {
    param([System.Collections.IDictionary] $Bound)
    $action = 'Verify and load'
    if ($Bound.ContainsKey('Program')) { $action += " program '$($Bound['Program'])'" }
    if ($Bound.ContainsKey('Name')) { $action += " as '$($Bound['Name'])'" }
    if ($Bound.ContainsKey('Hook') -or $Bound.ContainsKey('Interface')) {
        $action += ', and attach'
        if ($Bound.ContainsKey('Hook')) { $action += " to hook $($Bound['Hook'])" }
        $action += if ($Bound.ContainsKey('Interface')) { " of interface '$($Bound['Interface'])'" } else { ' of the only interface' }
        if ($Bound.ContainsKey('Replace') -and $Bound['Replace']) { $action += ' in place of the program there' }
    }
    $action
}

# Parameter of New-EbpfInterface -> setting on the wire, for each parameter set.
$script:InterfaceSettings = @{
    Gateway   = [ordered]@{ Listen = 'listen'; To = 'to' }
    Tap       = [ordered]@{ Outside = 'outside'; Inside = 'inside'; OutsideNamespace = 'outsideNamespace'; InsideNamespace = 'insideNamespace' }
    Pcap      = [ordered]@{ InputPath = 'input'; OutputPath = 'output'; VerdictPath = 'verdicts' }
    Windivert = [ordered]@{ Filter = 'filter'; Direction = 'direction'; Adapter = 'adapter'; LibraryPath = 'library' }
    Setting   = @{}
}

<# The settings of an interface. ArgumentInvalid if they are those of another kind. #>
function Get-EbpfInterfaceSetting {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Bound)
    $set = $Cmdlet.ParameterSetName
    $names = $script:InterfaceSettings[$set]
    if ($set -ne 'Setting' -and $set -ne $Bound['Kind']) {
        $wrong = @($names.Keys | Where-Object { $Bound.ContainsKey($_) } | Sort-Object) -join ', -'
        throw (New-EbpfException ArgumentInvalid "An interface of kind $($Bound['Kind']) does not take -$wrong." -Target $Bound['Kind'])
    }
    $settings = [ordered]@{}
    if ($Bound.ContainsKey('Setting')) { foreach ($key in $Bound['Setting'].Keys) { $settings[$key] = $Bound['Setting'][$key] } }
    foreach ($name in $names.Keys) {
        if (-not $Bound.ContainsKey($name)) { continue }
        $value = $Bound[$name]
        if ($set -eq 'Pcap' -or $name -eq 'LibraryPath') { $value = $Cmdlet.GetUnresolvedProviderPathFromPSPath($value) }
        $settings[$names[$name]] = $value
    }
    $settings
}
