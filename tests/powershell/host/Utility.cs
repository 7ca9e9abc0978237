// Stand-ins for the cmdlets of Microsoft.PowerShell.Utility that scripts about a module use every day. Each does
// what pwsh's does for the parameters it has; a parameter that is not here is an error, never ignored.
using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace Ebpf.PowerShellHost;

[Cmdlet(VerbsCommunications.Write, "Output")]
public sealed class WriteOutputCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromRemainingArguments = true)]
    [AllowNull, AllowEmptyCollection]
    public PSObject[]? InputObject { get; set; }

    [Parameter]
    public SwitchParameter NoEnumerate { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is null) WriteObject(null);
        else if (NoEnumerate) WriteObject(InputObject.Length == 1 ? InputObject[0] : InputObject, false);
        else foreach (var item in InputObject) WriteObject(item, true);
    }
}

[Cmdlet(VerbsCommunications.Write, "Host")]
public sealed class WriteHostCommand : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromRemainingArguments = true)]
    public object? Object { get; set; }

    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    [Parameter]
    public object Separator { get; set; } = " ";

    [Parameter]
    public ConsoleColor? ForegroundColor { get; set; }

    protected override void ProcessRecord()
    {
        var message = new HostInformationMessage { Message = Text(Object), NoNewLine = NoNewline, ForegroundColor = ForegroundColor };
        WriteInformation(message, ["PSHOST"]);
    }

    private string Text(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        null => "",
        string text => text,
        IEnumerable list => string.Join(Separator.ToString(), list.Cast<object?>().Select(Text)),
        _ => LanguagePrimitives.ConvertTo<string>(value),
    };
}

[Cmdlet(VerbsCommunications.Write, "Warning")]
public sealed class WriteWarningCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true), AllowEmptyString]
    public string Message { get; set; } = "";

    protected override void ProcessRecord() => WriteWarning(Message);
}

[Cmdlet(VerbsCommunications.Write, "Verbose")]
public sealed class WriteVerboseCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true), AllowEmptyString]
    public string Message { get; set; } = "";

    protected override void ProcessRecord() => WriteVerbose(Message);
}

[Cmdlet(VerbsCommunications.Write, "Error", DefaultParameterSetName = "Message")]
public sealed class WriteErrorCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = "Message")]
    public string Message { get; set; } = "";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "Record")]
    public ErrorRecord? ErrorRecord { get; set; }

    [Parameter(ParameterSetName = "Message")]
    public string ErrorId { get; set; } = "Microsoft.PowerShell.Commands.WriteErrorException";

    [Parameter(ParameterSetName = "Message")]
    public ErrorCategory Category { get; set; } = ErrorCategory.NotSpecified;

    [Parameter(ParameterSetName = "Message")]
    public object? TargetObject { get; set; }

    protected override void ProcessRecord() =>
        WriteError(ErrorRecord ?? new ErrorRecord(new RuntimeException(Message), ErrorId, Category, TargetObject));
}

[Cmdlet(VerbsCommunications.Write, "Progress")]
public sealed class WriteProgressCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    public string Activity { get; set; } = "";

    [Parameter(Position = 1)]
    public string Status { get; set; } = "Processing";

    [Parameter(Position = 2)]
    public int Id { get; set; }

    [Parameter]
    public int PercentComplete { get; set; } = -1;

    [Parameter]
    public int ParentId { get; set; } = -1;

    [Parameter]
    public SwitchParameter Completed { get; set; }

    protected override void ProcessRecord() => WriteProgress(new ProgressRecord(Id, Activity, Status)
    {
        ParentActivityId = ParentId,
        PercentComplete = PercentComplete,
        RecordType = Completed ? ProgressRecordType.Completed : ProgressRecordType.Processing,
    });
}

/// <summary>A -Property argument: a name with wildcards, a script block, or a table with Name/Label and Expression.</summary>
internal sealed record PropertyOf(string Name, object Expression, bool Descending)
{
    public static IEnumerable<PropertyOf> From(object[]? arguments, bool descending = false) =>
        (arguments ?? []).Select(argument => Of(argument is PSObject wrapped ? wrapped.BaseObject : argument, descending));

    private static PropertyOf Of(object argument, bool descending)
    {
        if (argument is not IDictionary table) return new PropertyOf(argument.ToString()!.Trim(), argument, descending);
        object? Key(params string[] names) => table.Keys.Cast<object>()
            .Where(key => names.Any(name => name.StartsWith(key.ToString()!, StringComparison.OrdinalIgnoreCase)))
            .Select(key => table[key]).FirstOrDefault();
        var expression = Key("expression") ?? throw new PSArgumentException("The property table has no Expression.");
        return new PropertyOf(
            (Key("name", "label") ?? expression).ToString()!.Trim(),
            expression is PSObject inner ? inner.BaseObject : expression,
            Key("descending") is { } order ? LanguagePrimitives.IsTrue(order) : descending);
    }

    public object? ValueOf(PSObject item)
    {
        if (Expression is ScriptBlock block)
            return block.InvokeWithContext(null, [new PSVariable("_", item)]) switch { [] => null, [var one] => one, var many => many.ToArray() };
        return item.Properties[Expression.ToString()]?.Value;
    }

    public IEnumerable<(string Name, object? Value)> ExpandOn(PSObject item) =>
        Expression is string pattern && WildcardPattern.ContainsWildcardCharacters(pattern)
            ? item.Properties.Match(pattern).Select(property => (property.Name, (object?)property.Value))
            : [(Expression is string name ? item.Properties[name]?.Name ?? Name : Name, ValueOf(item))];
}

[Cmdlet(VerbsCommon.Select, "Object")]
public sealed class SelectObjectCommand : PSCmdlet
{
    private readonly List<PSObject> held = [];
    private readonly HashSet<string> seen = [];
    private int index;
    private int written;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public object[]? Property { get; set; }

    [Parameter]
    public string[]? ExcludeProperty { get; set; }

    [Parameter]
    public string? ExpandProperty { get; set; }

    [Parameter]
    public SwitchParameter Unique { get; set; }

    [Parameter]
    public int First { get; set; } = -1;

    [Parameter]
    public int Last { get; set; } = -1;

    [Parameter]
    public int Skip { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is not { } item || index++ < Skip) return;
        if (Last >= 0)
        {
            held.Add(item);
            if (held.Count > Last) held.RemoveAt(0);
            return;
        }
        if (First < 0 || written < First) Emit(item);
        if (First >= 0 && written >= First) StopUpstream();
    }

    protected override void EndProcessing() => held.ForEach(Emit);

    private void Emit(PSObject item)
    {
        written++;
        if (ExpandProperty is { } name)
        {
            if (item.Properties[name] is { } property) WriteObject(property.Value, true);
            else WriteError(new ErrorRecord(new PSArgumentException($"Property \"{name}\" cannot be found."), "ExpandPropertyNotFound", ErrorCategory.InvalidArgument, item));
            return;
        }
        var result = Property is null && ExcludeProperty is null ? item : Project(item);
        if (!Unique || seen.Add(result.ToString())) WriteObject(result);
    }

    private PSObject Project(PSObject item)
    {
        var result = new PSObject();
        var excluded = (ExcludeProperty ?? []).Select(pattern => new WildcardPattern(pattern, WildcardOptions.IgnoreCase)).ToList();
        foreach (var property in PropertyOf.From(Property ?? ["*"]))
            foreach (var (name, value) in property.ExpandOn(item))
                if (!excluded.Any(pattern => pattern.IsMatch(name)) && result.Properties[name] is null)
                    result.Properties.Add(new PSNoteProperty(name, value));
        foreach (var name in item.TypeNames.Take(1)) result.TypeNames.Insert(0, $"Selected.{name}");
        return result;
    }

    /// <summary>Ends the commands before this one, as -First of pwsh does; the exception for it is internal to the engine.</summary>
    private void StopUpstream()
    {
        var type = Engine.Type("System.Management.Automation.StopUpstreamCommandsException");
        throw (Exception)Activator.CreateInstance(type, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, null, [this], null)!;
    }
}

[Cmdlet("Sort", "Object")]
public sealed class SortObjectCommand : PSCmdlet
{
    private readonly List<PSObject> items = [];

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public object[]? Property { get; set; }

    [Parameter]
    public SwitchParameter Descending { get; set; }

    [Parameter]
    public SwitchParameter Unique { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is { } item) items.Add(item);
    }

    protected override void EndProcessing()
    {
        var properties = PropertyOf.From(Property, Descending).ToList();
        var order = Comparer<PSObject>.Create((left, right) => Compare(properties, left, right));
        PSObject? before = null;
        foreach (var item in items.Order(order))
        {
            if (!Unique || before is null || order.Compare(before, item) != 0) WriteObject(item);
            before = item;
        }
    }

    private int Compare(List<PropertyOf> properties, PSObject left, PSObject right)
    {
        if (properties.Count == 0) return LanguagePrimitives.Compare(left, right, true) * (Descending ? -1 : 1);
        return properties
            .Select(property => LanguagePrimitives.Compare(property.ValueOf(left), property.ValueOf(right), true) * (property.Descending ? -1 : 1))
            .FirstOrDefault(order => order != 0);
    }
}

[Cmdlet(VerbsDiagnostic.Measure, "Object")]
public sealed class MeasureObjectCommand : PSCmdlet
{
    private readonly List<double> values = [];
    private int count;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Position = 0)]
    public string? Property { get; set; }

    [Parameter]
    public SwitchParameter Sum { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is not { } item) return;
        if (Property is { } name && item.Properties[name] is null) return;
        count++;
        if (Sum) values.Add(LanguagePrimitives.ConvertTo<double>(Property is null ? item : item.Properties[Property].Value));
    }

    protected override void EndProcessing()
    {
        var result = new PSObject();
        result.Properties.Add(new PSNoteProperty("Count", count));
        result.Properties.Add(new PSNoteProperty("Sum", Sum ? values.Sum() : null));
        result.Properties.Add(new PSNoteProperty("Property", Property));
        result.TypeNames.Insert(0, "Microsoft.PowerShell.Commands.GenericMeasureInfo");
        WriteObject(result);
    }
}

[Cmdlet(VerbsDiagnostic.Measure, "Command")]
[OutputType(typeof(TimeSpan))]
public sealed class MeasureCommandCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    public ScriptBlock Expression { get; set; } = ScriptBlock.Create("");

    protected override void EndProcessing()
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        InvokeCommand.InvokeScript(false, Expression, null);
        WriteObject(watch.Elapsed);
    }
}

[Cmdlet(VerbsLifecycle.Start, "Sleep", DefaultParameterSetName = "Seconds")]
public sealed class StartSleepCommand : PSCmdlet
{
    private readonly ManualResetEventSlim stopped = new();

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "Seconds")]
    public double Seconds { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "Milliseconds")]
    public int Milliseconds { get; set; }

    protected override void ProcessRecord() =>
        stopped.Wait(ParameterSetName == "Seconds" ? TimeSpan.FromSeconds(Seconds) : TimeSpan.FromMilliseconds(Milliseconds));

    protected override void StopProcessing() => stopped.Set();
}
