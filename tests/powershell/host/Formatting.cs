// Format-Table, Format-List and Out-String. The engine holds their whole implementation but not the cmdlets: here
// its internal parts are put behind the names, so tables look exactly as in pwsh.
using System.Management.Automation;
using System.Reflection;
using Microsoft.PowerShell.Commands.Internal.Format;

namespace Ebpf.PowerShellHost;

/// <summary>Access to what the engine keeps for its own cmdlets and console; the package's version is pinned.</summary>
internal static class Engine
{
    private static readonly Assembly Automation = typeof(PSObject).Assembly;
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    public static Type Type(string name) => Automation.GetType(name, true)!;

    public static object New(string type, params object[] arguments) =>
        Activator.CreateInstance(Type(type), Any, null, arguments, null)!;

    public static void Set(object target, string property, object value) =>
        target.GetType().GetProperty(property, Any)!.SetValue(target, value);

    public static object Get(object target, string property) =>
        target.GetType().GetProperty(property, Any)!.GetValue(target)!;

    public static void SetImplementation(FrontEndCommandBase cmdlet, object implementation) =>
        typeof(FrontEndCommandBase).GetField("implementation", Any)!.SetValue(cmdlet, implementation);

    public static object Shape(string shape) => New(
        "Microsoft.PowerShell.Commands.Internal.Format.InnerFormatShapeCommand",
        Enum.Parse(Type("Microsoft.PowerShell.Commands.Internal.Format.FormatShape"), shape));
}

[Cmdlet(VerbsCommon.Format, "Table")]
public sealed class FormatTableCommand : OuterFormatTableBase
{
    public FormatTableCommand() => Engine.SetImplementation(this, Engine.Shape("Table"));
}

[Cmdlet(VerbsCommon.Format, "List")]
public sealed class FormatListCommand : OuterFormatTableAndListBase
{
    public FormatListCommand() => Engine.SetImplementation(this, Engine.Shape("List"));
}

[Cmdlet(VerbsData.Out, "String")]
[OutputType(typeof(string))]
public sealed class OutStringCommand : FrontEndCommandBase
{
    private readonly StringWriter text = new();
    private readonly object manager = Engine.New("Microsoft.PowerShell.Commands.Internal.Format.OutputManagerInner");

    public OutStringCommand() => Engine.SetImplementation(this, manager);

    [Parameter]
    public int Width { get; set; } = 120;

    [Parameter]
    public SwitchParameter Stream { get; set; }

    protected override void BeginProcessing()
    {
        Engine.Set(manager, "LineOutput", Engine.New("Microsoft.PowerShell.Commands.Internal.Format.TextWriterLineOutput", text, Width));
        base.BeginProcessing();
    }

    protected override void EndProcessing()
    {
        base.EndProcessing();
        if (!Stream) WriteObject(text.ToString());
        else foreach (var line in text.ToString().TrimEnd('\n').Split(Environment.NewLine)) WriteObject(line);
    }
}
