@{
    RootModule             = 'module/ebpf.psm1'
    ModuleVersion          = '0.1.0'
    GUID                   = '3d1c1f0e-6a55-4b0a-9d9b-5f1f4f6f0b7e'
    Author                 = 'The ebpf authors'
    CompanyName            = 'The ebpf authors'
    Copyright              = '(c) The ebpf authors. MIT license.'
    Description            = 'eBPF for Windows: verify, load and run eBPF programs, and look into their maps, from PowerShell.'
    PowerShellVersion      = '5.1'
    DotNetFrameworkVersion = '4.7.2'
    CompatiblePSEditions   = @('Desktop', 'Core')
    FormatsToProcess       = @('module/ebpf.format.ps1xml')
    TypesToProcess         = @('module/ebpf.types.ps1xml')
    FunctionsToExport      = @(
        'Add-EbpfProgram'
        'Get-EbpfDisassembly'
        'Get-EbpfDriver'
        'Get-EbpfInterface'
        'Get-EbpfMap'
        'Get-EbpfMapEntry'
        'Get-EbpfProgram'
        'Get-EbpfSection'
        'Get-EbpfService'
        'Install-EbpfDriver'
        'New-EbpfInterface'
        'Receive-EbpfRingBuffer'
        'Remove-EbpfInterface'
        'Remove-EbpfProgram'
        'Start-EbpfDriver'
        'Start-EbpfService'
        'Stop-EbpfDriver'
        'Stop-EbpfService'
        'Test-EbpfProgram'
        'Uninstall-EbpfDriver'
    )
    CmdletsToExport        = @()
    VariablesToExport      = @()
    AliasesToExport        = @()
    PrivateData            = @{
        PSData = @{
            LicenseUri = 'https://opensource.org/license/mit'
            Tags       = @('eBPF', 'XDP', 'Network', 'Filter', 'Verifier', 'Windows', 'Linux', 'PSEdition_Desktop', 'PSEdition_Core')
        }
    }
}
