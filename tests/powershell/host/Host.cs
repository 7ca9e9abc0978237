// The console as a PSHost: output and tables to standard output, errors to standard error, progress only where a
// person looks. Colours are the engine's ($PSStyle); they are taken out where output is redirected.
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace Ebpf.PowerShellHost;

internal sealed class Host(bool nonInteractive) : PSHost
{
    private readonly ConsoleInterface console = new(nonInteractive);

    /// <summary>What the script gave to `exit`, once it has.</summary>
    public int? ExitCode { get; private set; }

    public override string Name => "ConsoleHost";
    public override Version Version => typeof(PSObject).Assembly.GetName().Version ?? new Version(7, 6);
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;
    public override CultureInfo CurrentUICulture => CultureInfo.GetCultureInfo("en-US");
    public override PSHostUserInterface UI => console;
    public override void SetShouldExit(int exitCode) => ExitCode = exitCode;
    public override void EnterNestedPrompt() => throw new PSNotSupportedException();
    public override void ExitNestedPrompt() { }
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
}

internal sealed class ConsoleInterface(bool nonInteractive) : PSHostUserInterface
{
    private readonly bool watched = !Console.IsErrorRedirected && !nonInteractive;
    private int progressWidth;

    public override PSHostRawUserInterface RawUI { get; } = new RawConsole();
    public override bool SupportsVirtualTerminal => !Console.IsOutputRedirected;

    public override void Write(string value) => Console.Out.Write(GetOutputString(value, SupportsVirtualTerminal));
    public override void Write(ConsoleColor foreground, ConsoleColor background, string value) => Write(value);
    public override void WriteLine(string value) => Write(value + Environment.NewLine);
    public override void WriteErrorLine(string value) => Console.Error.WriteLine(GetOutputString(value, !Console.IsErrorRedirected));
    public override void WriteDebugLine(string message) => WriteLine($"DEBUG: {message}");
    public override void WriteVerboseLine(string message) => WriteLine($"VERBOSE: {message}");
    public override void WriteWarningLine(string message) => WriteLine($"WARNING: {message}");

    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
        if (!watched) return;
        var text = record.RecordType == ProgressRecordType.Completed ? "" :
            $"{record.Activity}: {record.StatusDescription}{(record.PercentComplete >= 0 ? $" {record.PercentComplete} %" : "")}";
        Console.Error.Write($"\r{text.PadRight(progressWidth)}\r{text}");
        progressWidth = text.Length;
    }

    public override string ReadLine()
    {
        RequireInteraction("Read-Host");
        return Console.In.ReadLine() ?? "";
    }

    public override SecureString ReadLineAsSecureString() => throw new PSNotSupportedException();

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions)
    {
        RequireInteraction("Prompt");
        var answers = new Dictionary<string, PSObject>();
        foreach (var field in descriptions)
        {
            Console.Out.Write($"{field.Name}: ");
            answers[field.Name] = new PSObject(Console.In.ReadLine() ?? "");
        }
        return answers;
    }

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        RequireInteraction("PromptForChoice");
        Console.Out.WriteLine($"\n{caption}\n{message}");
        var keys = choices.Select(choice => choice.Label.Split('&') is [_, [var key, ..]] ? key.ToString() : choice.Label).ToList();
        while (true)
        {
            Console.Out.Write($"{string.Join("  ", choices.Zip(keys, (choice, key) => $"[{key}] {choice.Label.Replace("&", "")}"))} (default is \"{keys[defaultChoice]}\"): ");
            var answer = Console.In.ReadLine()?.Trim() ?? "";
            if (answer.Length == 0) return defaultChoice;
            var found = keys.FindIndex(key => key.Equals(answer, StringComparison.OrdinalIgnoreCase));
            if (found >= 0) return found;
        }
    }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) => throw new PSNotSupportedException();
    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes types, PSCredentialUIOptions options) => throw new PSNotSupportedException();

    private void RequireInteraction(string what)
    {
        if (nonInteractive) throw new PSInvalidOperationException($"PowerShell is in NonInteractive mode. {what} functionality is not available.");
    }
}

/// <summary>Sizes only: what the formatting engine asks for.</summary>
internal sealed class RawConsole : PSHostRawUserInterface
{
    private static readonly Size Fallback = new(int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), out var columns) ? columns : 120, 50);

    public override Size BufferSize
    {
        get => !Console.IsOutputRedirected && Console.WindowWidth > 0 ? new Size(Console.WindowWidth, Console.WindowHeight) : Fallback;
        set { }
    }

    public override Size WindowSize { get => BufferSize; set { } }
    public override Size MaxWindowSize => BufferSize;
    public override Size MaxPhysicalWindowSize => BufferSize;
    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;
    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;
    public override Coordinates CursorPosition { get; set; }
    public override int CursorSize { get; set; } = 1;
    public override Coordinates WindowPosition { get; set; }
    public override string WindowTitle { get; set; } = "";
    public override bool KeyAvailable => false;
    public override void FlushInputBuffer() { }
    public override KeyInfo ReadKey(ReadKeyOptions options) => throw new PSNotSupportedException();
    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw new PSNotSupportedException();
    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) { }
    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) { }
    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) { }
}
