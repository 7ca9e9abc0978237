# The session's connection to the service, kept from call to call. A named pipe on Windows and a Unix socket elsewhere
# are one code path: .NET takes an absolute path as the name of a pipe. Knows bytes and messages, no methods.
#
#   Content-Length: 73 CR LF CR LF {"jsonrpc":"2.0","id":1,"method":"program.list","params":{}}

$script:Connection = $null

# Milliseconds between looks at Ctrl-C while an answer is awaited; an answer that comes is seen at once.
$script:PollMilliseconds = 100

<# Where the service listens, as core/service/paths.ts computes it: @{ Folder; Socket }. #>
function Get-EbpfServicePath {
    $isWindows = [System.IO.Path]::DirectorySeparatorChar -eq '\'
    $folder = [Environment]::GetEnvironmentVariable('EBPF_HOME')
    if ($folder) {
        $folder = [System.IO.Path]::GetFullPath($folder)
    }
    elseif ($isWindows) {
        $folder = [System.IO.Path]::Combine([Environment]::GetFolderPath('LocalApplicationData'), 'ebpf')
    }
    else {
        $state = [Environment]::GetEnvironmentVariable('XDG_STATE_HOME')
        if ($state -and $state.StartsWith('/')) { $folder = [System.IO.Path]::Combine($state, 'ebpf') }
        elseif ([Environment]::UserName -eq 'root') { $folder = '/var/lib/ebpf' }
        else { $folder = [System.IO.Path]::Combine([Environment]::GetFolderPath('UserProfile'), '.local/state/ebpf') }
    }
    if ($folder.Length -gt 3) { $folder = $folder.TrimEnd('\', '/') }
    if (-not $isWindows) { return @{ Folder = $folder; Socket = [System.IO.Path]::Combine($folder, 'service.sock') } }
    @{ Folder = $folder; Socket = Get-EbpfPipeName $folder ([Environment]::UserName) }
}

<# On Windows: one pipe for each state folder and user. #>
function Get-EbpfPipeName {
    param([string] $Folder, [string] $UserName)
    $key = $Folder.ToLowerInvariant() + [char]0 + $UserName.ToLowerInvariant()
    $hash = [System.Security.Cryptography.SHA256]::Create()
    try { $digest = $hash.ComputeHash([System.Text.Encoding]::UTF8.GetBytes($key)) } finally { $hash.Dispose() }
    '\\.\pipe\ebpf-' + [BitConverter]::ToString($digest, 0, 8).Replace('-', '').ToLowerInvariant()
}

<# A new connection, or $null if nothing listens there. PermissionDenied if something does and refuses us. #>
function Open-EbpfConnection {
    param([string] $Socket)
    $isPath = $Socket.StartsWith('/')
    # .NET would wait for a socket that is not there until the time is up.
    if ($isPath -and -not [System.IO.File]::Exists($Socket)) { return $null }
    $name = $Socket
    if (-not $isPath) { $name = $Socket.Substring('\\.\pipe\'.Length) }
    $pipe = [System.IO.Pipes.NamedPipeClientStream]::new('.', $name, [System.IO.Pipes.PipeDirection]::InOut, [System.IO.Pipes.PipeOptions]::Asynchronous)
    try {
        $pipe.Connect($(if ($isPath) { 0 } else { 50 }))
    }
    catch {
        $pipe.Dispose()
        Clear-EbpfError $_
        $reason = $_.Exception.GetBaseException()
        if ($reason -is [System.TimeoutException] -or $reason -is [System.IO.FileNotFoundException]) { return $null }
        if ($reason -is [System.UnauthorizedAccessException] -or $reason.Message -match 'denied') {
            throw (New-EbpfException PermissionDenied "The service on $Socket is another user's." -Target $Socket -Fatal)
        }
        throw (New-EbpfException SocketUnusable "$Socket cannot be used: $($reason.Message)" -Target $Socket -Fatal)
    }
    @{ Socket = $Socket; Pipe = $pipe; Buffer = [byte[]]::new(65536); Length = 0; LastId = 0 }
}

function Close-EbpfConnection {
    if ($null -ne $script:Connection) {
        $script:Connection.Pipe.Dispose()
        $script:Connection = $null
    }
}

<# Writes one message. $false if the other side is gone: then it cannot have seen the whole of it. #>
function Send-EbpfMessage {
    param([hashtable] $Connection, [hashtable] $Message)
    $Message['jsonrpc'] = '2.0'
    $json = ConvertTo-Json -InputObject $Message -Depth 32 -Compress
    $body = [System.Text.Encoding]::UTF8.GetBytes($json)
    $frame = [System.IO.MemoryStream]::new($body.Length + 32)
    $header = [System.Text.Encoding]::ASCII.GetBytes("Content-Length: $($body.Length)`r`n`r`n")
    $frame.Write($header, 0, $header.Length)
    $frame.Write($body, 0, $body.Length)
    try {
        $Connection.Pipe.Write($frame.GetBuffer(), 0, [int]$frame.Length)
        $true
    }
    catch [System.IO.IOException], [System.ObjectDisposedException], [System.InvalidOperationException] {
        Clear-EbpfError $_
        $false
    }
}

<# The next message as an object, or $null if the other side closed. ServiceUnresponsive after that long a silence. #>
function Receive-EbpfMessage {
    param([hashtable] $Connection, [int] $TimeoutMilliseconds)
    while ($true) {
        $json = Split-EbpfFrame $Connection
        if ($null -ne $json) {
            try { return ConvertFrom-EbpfJson $json }
            catch {
                Clear-EbpfError $_
                throw (New-EbpfException ProtocolMismatch 'A message of the service is not JSON.' -Target $Connection.Socket -Fatal)
            }
        }
        $room = $Connection.Buffer.Length - $Connection.Length
        $read = $Connection.Pipe.ReadAsync($Connection.Buffer, $Connection.Length, $room)
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        try {
            while (-not $read.Wait($script:PollMilliseconds)) {
                if ($clock.ElapsedMilliseconds -gt $TimeoutMilliseconds) {
                    $seconds = [int]($TimeoutMilliseconds / 1000)
                    throw (New-EbpfException ServiceUnresponsive "The service did not answer for $seconds s." -Target $Connection.Socket -Fatal)
                }
            }
        }
        catch [System.AggregateException] {
            Clear-EbpfError $_
            return $null
        }
        if ($read.Result -eq 0) { return $null }
        $Connection.Length += $read.Result
    }
}

<# Takes one whole message out of the buffer, or makes room for the rest of it and answers $null. #>
function Split-EbpfFrame {
    param([hashtable] $Connection)
    $head = [System.Text.Encoding]::ASCII.GetString($Connection.Buffer, 0, [Math]::Min($Connection.Length, 4096))
    $end = $head.IndexOf("`r`n`r`n", [StringComparison]::Ordinal)
    if ($end -lt 0) {
        if ($Connection.Length -lt 4096) { return $null }
        throw (New-EbpfException ProtocolMismatch 'What listens there does not speak the protocol of the service.' -Target $Connection.Socket -Fatal)
    }
    if ($head.Substring(0, $end) -notmatch '(?im)^content-length:[ \t]*([0-9]{1,9})[ \t\r]*$') {
        throw (New-EbpfException ProtocolMismatch 'A message of the service has no Content-Length.' -Target $Connection.Socket -Fatal)
    }
    $size = [int]$Matches[1]
    $total = $end + 4 + $size
    if ($Connection.Length -lt $total) {
        if ($Connection.Buffer.Length -lt $total) {
            $larger = [byte[]]::new($total + 65536)
            [Buffer]::BlockCopy($Connection.Buffer, 0, $larger, 0, $Connection.Length)
            $Connection.Buffer = $larger
        }
        return $null
    }
    $json = [System.Text.Encoding]::UTF8.GetString($Connection.Buffer, $end + 4, $size)
    [Buffer]::BlockCopy($Connection.Buffer, $total, $Connection.Buffer, 0, $Connection.Length - $total)
    $Connection.Length -= $total
    $json
}

<# ConvertFrom-Json that leaves strings alone: PowerShell 7 would make dates of some of them. #>
function ConvertFrom-EbpfJson {
    param([string] $Json)
    if ($null -eq $script:JsonOptions) {
        $script:JsonOptions = @{}
        $command = $ExecutionContext.InvokeCommand.GetCommand('ConvertFrom-Json', 'Cmdlet')
        if ($command.Parameters.ContainsKey('DateKind')) { $script:JsonOptions['DateKind'] = 'String' }
    }
    $options = $script:JsonOptions
    ConvertFrom-Json -InputObject $Json @options
}
$script:JsonOptions = $null
