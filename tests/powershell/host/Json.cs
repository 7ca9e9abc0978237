// ConvertFrom-Json and ConvertTo-Json with the results of PowerShell 7: objects keep the order of their members,
// whole numbers are long (or BigInteger), ISO dates become DateTime unless -DateKind String is given.
using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Internal;
using System.Numerics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ebpf.PowerShellHost;

[Cmdlet(VerbsData.ConvertFrom, "Json")]
public sealed class ConvertFromJsonCommand : PSCmdlet
{
    private readonly StringBuilder text = new();

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [AllowEmptyString]
    public string InputObject { get; set; } = "";

    [Parameter]
    public SwitchParameter AsHashtable { get; set; }

    [Parameter]
    public SwitchParameter NoEnumerate { get; set; }

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Depth { get; set; } = 1024;

    [Parameter]
    [ValidateSet("Default", "Local", "Utc", "Offset", "String")]
    public string DateKind { get; set; } = "Default";

    protected override void ProcessRecord() => text.AppendLine(InputObject);

    protected override void EndProcessing()
    {
        if (text.ToString().Trim().Length == 0) return;
        try
        {
            using var document = JsonDocument.Parse(text.ToString(), new JsonDocumentOptions { MaxDepth = Depth });
            WriteObject(Convert(document.RootElement), !NoEnumerate);
        }
        catch (JsonException error)
        {
            var reason = new ArgumentException($"Conversion from JSON failed with error: {error.Message}", error);
            ThrowTerminatingError(new ErrorRecord(reason, "System.ArgumentException", ErrorCategory.NotSpecified, null));
        }
    }

    private object? Convert(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object when AsHashtable => ConvertTable(element),
        JsonValueKind.Object => ConvertObject(element),
        JsonValueKind.Array => element.EnumerateArray().Select(Convert).ToArray(),
        JsonValueKind.String => ConvertString(element.GetString()!),
        JsonValueKind.Number => ConvertNumber(element),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    private PSObject ConvertObject(JsonElement element)
    {
        var result = new PSObject();
        foreach (var member in element.EnumerateObject()) result.Properties.Add(new PSNoteProperty(member.Name, Convert(member.Value)));
        return result;
    }

    private Hashtable ConvertTable(JsonElement element)
    {
        var result = new Hashtable();
        foreach (var member in element.EnumerateObject()) result[member.Name] = Convert(member.Value);
        return result;
    }

    private object ConvertString(string value) =>
        DateKind == "Default" && value.Length >= 19 && value[10] == 'T' &&
        DateTime.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var date) ? date : value;

    private static object ConvertNumber(JsonElement element) =>
        element.TryGetInt64(out var whole) ? whole :
        BigInteger.TryParse(element.GetRawText(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var big) ? big :
        element.GetDouble();
}

[Cmdlet(VerbsData.ConvertTo, "Json")]
[OutputType(typeof(string))]
public sealed class ConvertToJsonCommand : PSCmdlet
{
    private readonly List<object?> inputs = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [AllowNull]
    public object? InputObject { get; set; }

    [Parameter]
    [ValidateRange(0, 100)]
    public int Depth { get; set; } = 2;

    [Parameter]
    public SwitchParameter Compress { get; set; }

    [Parameter]
    public SwitchParameter AsArray { get; set; }

    [Parameter]
    public SwitchParameter EnumsAsStrings { get; set; }

    protected override void ProcessRecord() => inputs.Add(InputObject);

    protected override void EndProcessing()
    {
        if (inputs.Count == 0) return;
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = !Compress, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = Environment.NewLine }))
            Write(writer, inputs.Count == 1 && !AsArray ? inputs[0] : inputs, 0);
        WriteObject(Encoding.UTF8.GetString(buffer.ToArray()));
    }

    private void Write(Utf8JsonWriter writer, object? input, int depth)
    {
        var value = ReferenceEquals(input, AutomationNull.Value) ? null : (input as PSObject)?.BaseObject ?? input;
        switch (value)
        {
            case null or DBNull: writer.WriteNullValue(); return;
            case string or char or Guid or Uri or Version: writer.WriteStringValue(value.ToString()); return;
            case bool flag: writer.WriteBooleanValue(flag); return;
            case Enum member when EnumsAsStrings: writer.WriteStringValue(member.ToString()); return;
            case Enum member: writer.WriteNumberValue(System.Convert.ToInt64(member)); return;
            case DateTime date: writer.WriteStringValue(date); return;
            case DateTimeOffset date: writer.WriteStringValue(date); return;
            case SwitchParameter flag: writer.WriteBooleanValue(flag); return;
            case double or float or decimal or BigInteger or byte or sbyte or short or ushort or int or uint or long or ulong:
                writer.WriteRawValue(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
                return;
        }
        if (depth > Depth) writer.WriteStringValue(LanguagePrimitives.ConvertTo<string>(input));
        else if (value is IDictionary table)
            WriteMembers(writer, table.Keys.Cast<object>().Select(key => (key.ToString()!, table[key])), depth);
        else if (value is IEnumerable list)
        {
            writer.WriteStartArray();
            foreach (var item in list) Write(writer, item, depth + 1);
            writer.WriteEndArray();
        }
        else
            WriteMembers(writer, PSObject.AsPSObject(input!).Properties.Where(property => property.IsGettable).Select(property => (property.Name, Read(property))), depth);
    }

    private void WriteMembers(Utf8JsonWriter writer, IEnumerable<(string Name, object? Value)> members, int depth)
    {
        writer.WriteStartObject();
        foreach (var (name, value) in members)
        {
            writer.WritePropertyName(name);
            Write(writer, value, depth + 1);
        }
        writer.WriteEndObject();
    }

    private static object? Read(PSPropertyInfo property)
    {
        try { return property.Value; }
        catch (GetValueException) { return null; }
    }
}
