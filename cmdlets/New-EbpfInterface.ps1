function New-EbpfInterface {
    <#
    .SYNOPSIS
    Makes an interface whose packets programs can decide about.

    .DESCRIPTION
    New-EbpfInterface makes an interface in the service. There are four kinds:

    gateway    a UDP relay in front of a server; needs no privileges
    tap        a wire between two network devices that it makes; Linux, as root
    pcap       the frames of a capture file, with a verdict for each
    windivert  the packets of this Windows machine, by WinDivert (which you install); as administrator

    Attach a program to it with Add-EbpfProgram -Interface. While no program is attached everything passes.

    .PARAMETER Kind
    gateway, tap, pcap or windivert.

    .PARAMETER Name
    The name of the interface. By default it is the kind, with a number where that is taken.

    .PARAMETER Listen
    Of a gateway: the address and port that clients use, such as 127.0.0.1:5300.

    .PARAMETER To
    Of a gateway: the address and port of the server, such as 127.0.0.1:53.

    .PARAMETER Outside
    Of a tap: the name of the device from which packets come.

    .PARAMETER Inside
    Of a tap: the name of the device to which they go.

    .PARAMETER OutsideNamespace
    Of a tap: the network namespace to put the outer device into.

    .PARAMETER InsideNamespace
    Of a tap: the network namespace to put the inner device into.

    .PARAMETER InputPath
    Of a pcap: the capture file to read (pcap or pcapng).

    .PARAMETER OutputPath
    Of a pcap: the capture file to write with the frames that passed.

    .PARAMETER VerdictPath
    Of a pcap: the file to write with the verdict on each frame.

    .PARAMETER Filter
    Of windivert: which packets are taken, in WinDivert's filter language, such as 'udp.DstPort == 53'. Others never leave
    the kernel. Without it, all packets of the direction are taken.

    .PARAMETER Direction
    Of windivert: inbound (the default), outbound or both.

    .PARAMETER Adapter
    Of windivert: only packets of this network adapter, by its name or index.

    .PARAMETER LibraryPath
    Of windivert: the path of WinDivert.dll, where it is not in a folder of Program Files.

    .PARAMETER Setting
    Further settings of the kind, by name; of windivert: loopback, priority, queuePackets, queueMilliseconds, queueBytes.

    .EXAMPLE
    New-EbpfInterface gateway dns -Listen 127.0.0.1:5300 -To 127.0.0.1:53

    A gateway in front of the DNS server of this machine.

    .EXAMPLE
    New-EbpfInterface tap wire -Outside attacker0 -Inside defender0 -InsideNamespace defender

    A wire whose inner end is in a network namespace.

    .EXAMPLE
    New-EbpfInterface pcap -InputPath flood.pcap -OutputPath passed.pcap

    Runs the frames of a capture through the program that is attached to it.

    .EXAMPLE
    New-EbpfInterface windivert machine -Filter 'udp.DstPort == 53' -Setting @{ loopback = $true }

    The DNS queries that come to this Windows machine, those of its own programs too.

    .OUTPUTS
    Ebpf.Interface

    .LINK
    Get-EbpfInterface

    .LINK
    Remove-EbpfInterface
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Setting')]
    [OutputType('Ebpf.Interface')]
    param(
        [Parameter(Mandatory, Position = 0)]
        [ValidateSet('gateway', 'tap', 'pcap', 'windivert')]
        [string] $Kind,

        [Parameter(Position = 1)]
        [ValidateNotNullOrEmpty()]
        [string] $Name,

        [Parameter(Mandatory, ParameterSetName = 'Gateway')]
        [ValidateNotNullOrEmpty()]
        [string] $Listen,

        [Parameter(Mandatory, ParameterSetName = 'Gateway')]
        [ValidateNotNullOrEmpty()]
        [string] $To,

        [Parameter(Mandatory, ParameterSetName = 'Tap')]
        [ValidateNotNullOrEmpty()]
        [string] $Outside,

        [Parameter(Mandatory, ParameterSetName = 'Tap')]
        [ValidateNotNullOrEmpty()]
        [string] $Inside,

        [Parameter(ParameterSetName = 'Tap')]
        [ValidateNotNullOrEmpty()]
        [string] $OutsideNamespace,

        [Parameter(ParameterSetName = 'Tap')]
        [ValidateNotNullOrEmpty()]
        [string] $InsideNamespace,

        [Parameter(Mandatory, ParameterSetName = 'Pcap')]
        [ValidateNotNullOrEmpty()]
        [string] $InputPath,

        [Parameter(ParameterSetName = 'Pcap')]
        [ValidateNotNullOrEmpty()]
        [string] $OutputPath,

        [Parameter(ParameterSetName = 'Pcap')]
        [ValidateNotNullOrEmpty()]
        [string] $VerdictPath,

        [Parameter(ParameterSetName = 'Windivert')]
        [ValidateNotNullOrEmpty()]
        [string] $Filter,

        [Parameter(ParameterSetName = 'Windivert')]
        [ValidateSet('inbound', 'outbound', 'both')]
        [string] $Direction,

        [Parameter(ParameterSetName = 'Windivert')]
        [ValidateNotNullOrEmpty()]
        [string] $Adapter,

        [Parameter(ParameterSetName = 'Windivert')]
        [ValidateNotNullOrEmpty()]
        [string] $LibraryPath,

        [ValidateNotNull()]
        [hashtable] $Setting = @{}
    )
    process {
        try { $settings = Get-EbpfInterfaceSetting $PSCmdlet $PSBoundParameters }
        catch { Write-EbpfError $PSCmdlet $_ $Kind; return }
        $label = if ($Name) { $Name } else { $Kind }
        $words = @(foreach ($key in $settings.Keys) { "$key=$($settings[$key])" }) -join ' '
        $action = if ($words) { "Make a $Kind interface with $words" } else { "Make a $Kind interface" }
        if (-not $PSCmdlet.ShouldProcess($label, $action)) { return }
        $parameters = @{ kind = $Kind.ToLowerInvariant(); settings = $settings }
        if ($Name) { $parameters['name'] = $Name }
        try { $record = Invoke-EbpfService interface.add $parameters $PSCmdlet }
        catch { Write-EbpfError $PSCmdlet $_; return }
        ConvertTo-EbpfObject Ebpf.Interface $record
    }
}
