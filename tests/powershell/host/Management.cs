// Stand-ins for the cmdlets of Microsoft.PowerShell.Management about paths and files. All of them go through the
// engine's providers, so wildcards, drives and relative paths mean what they mean in pwsh.
using System.Management.Automation;

namespace Ebpf.PowerShellHost;

public abstract class PathCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = "Path")]
    public string[] Path { get; set; } = ["."];

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = "LiteralPath")]
    [Alias("PSPath")]
    public string[] LiteralPath { get; set; } = [];

    protected bool Literal => ParameterSetName == "LiteralPath";
    protected string[] Given => Literal ? LiteralPath : Path;

    /// <summary>Runs the action for each path; what the provider refuses is an error of that path alone.</summary>
    protected void ForEach(Action<string> action)
    {
        foreach (var path in Given)
        {
            try { action(path); }
            catch (RuntimeException error) { WriteError(new ErrorRecord(error.ErrorRecord, error)); }
        }
    }
}

[Cmdlet(VerbsDiagnostic.Test, "Path", DefaultParameterSetName = "Path")]
[OutputType(typeof(bool))]
public sealed class TestPathCommand : PathCommand
{
    [Parameter]
    [ValidateSet("Any", "Container", "Leaf")]
    public string PathType { get; set; } = "Any";

    protected override void ProcessRecord()
    {
        foreach (var path in Given) WriteObject(Exists(path));
    }

    private bool Exists(string path)
    {
        if (!InvokeProvider.Item.Exists(path, true, Literal)) return false;
        return PathType == "Any" || InvokeProvider.Item.IsContainer(path) == (PathType == "Container");
    }
}

[Cmdlet(VerbsCommon.Get, "Item", DefaultParameterSetName = "Path")]
public sealed class GetItemCommand : PathCommand
{
    protected override void ProcessRecord() => ForEach(path => WriteObject(InvokeProvider.Item.Get([path], true, Literal), true));
}

[Cmdlet(VerbsCommon.Get, "ChildItem")]
public sealed class GetChildItemCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    public string[] Path { get; set; } = ["."];

    [Parameter]
    public SwitchParameter Recurse { get; set; }

    protected override void ProcessRecord() => WriteObject(InvokeProvider.ChildItem.Get(Path, Recurse, false, false), true);
}

[Cmdlet(VerbsCommon.Remove, "Item", DefaultParameterSetName = "Path")]
public sealed class RemoveItemCommand : PathCommand
{
    [Parameter]
    public SwitchParameter Recurse { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord() => ForEach(path => InvokeProvider.Item.Remove([path], Recurse, Force, Literal));
}

[Cmdlet(VerbsCommon.Get, "Content", DefaultParameterSetName = "Path")]
public sealed class GetContentCommand : PathCommand
{
    [Parameter]
    public SwitchParameter Raw { get; set; }

    protected override void ProcessRecord() => ForEach(path =>
    {
        foreach (var file in Literal ? [SessionState.Path.GetUnresolvedProviderPathFromPSPath(path)] : SessionState.Path.GetResolvedProviderPathFromPSPath(path, out _).ToArray())
        {
            if (Raw) WriteObject(File.ReadAllText(file));
            else WriteObject(File.ReadLines(file), true);
        }
    });
}

[Cmdlet(VerbsCommon.Join, "Path")]
[OutputType(typeof(string))]
public sealed class JoinPathCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, Position = 1)]
    [AllowEmptyString]
    public string ChildPath { get; set; } = "";

    protected override void ProcessRecord()
    {
        foreach (var path in Path) WriteObject(SessionState.Path.Combine(path, ChildPath));
    }
}

[Cmdlet(VerbsCommon.Set, "Location")]
public sealed class SetLocationCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public string Path { get; set; } = "";

    protected override void ProcessRecord() => SessionState.Path.SetLocation(Path);
}

[Cmdlet(VerbsCommon.Get, "Location")]
[OutputType(typeof(PathInfo))]
public sealed class GetLocationCommand : PSCmdlet
{
    protected override void ProcessRecord() => WriteObject(SessionState.Path.CurrentLocation);
}
