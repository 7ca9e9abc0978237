// A small pwsh over the genuine engine (System.Management.Automation), for machines that have a .NET SDK but no pwsh.
// It takes the options of pwsh that scripts and node-powershell use, and knows nothing of eBPF.
using Microsoft.PowerShell;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Text;

namespace Ebpf.PowerShellHost;

/// <summary>What the command line asked for; the names are pwsh's own.</summary>
internal sealed record Options(string? File, string? Command, IReadOnlyList<string> Arguments, bool NonInteractive, bool NoExit, string? ExecutionPolicy)
{
    public static Options Parse(string[] words)
    {
        string? file = null, command = null, policy = null;
        bool nonInteractive = false, noExit = false;
        var index = 0;
        while (index < words.Length && file is null && command is null)
        {
            var word = words[index++];
            switch (word.ToLowerInvariant())
            {
                case "-nologo" or "-noprofile" or "-nop" or "-mta" or "-sta": break;
                case "-noninteractive" or "-noni": nonInteractive = true; break;
                case "-noexit" or "-noe": noExit = true; break;
                case "-executionpolicy" or "-ex" or "-ep": policy = Next(words, ref index, word); break;
                case "-file" or "-f": file = Next(words, ref index, word); break;
                case "-command" or "-c": command = Next(words, ref index, word); break;
                default:
                    if (word.StartsWith('-')) throw new UsageException($"The option {word} is not one of -NoLogo -NoProfile -NonInteractive -NoExit -ExecutionPolicy -File -Command.");
                    file = word;
                    break;
            }
        }
        var rest = words[index..];
        if (command is not null and not "-") command = string.Join(' ', rest.Prepend(command));
        return new Options(file, command, rest, nonInteractive, noExit, policy);
    }

    private static string Next(string[] words, ref int index, string option) =>
        index < words.Length ? words[index++] : throw new UsageException($"The option {option} needs a value.");
}

internal sealed class UsageException(string message) : Exception(message);

internal static class Program
{
    public static int Main(string[] words)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        Console.InputEncoding = new UTF8Encoding(false);
        try
        {
            return new Session(Options.Parse(words)).Run();
        }
        catch (UsageException error)
        {
            Console.Error.WriteLine(error.Message);
            return 64;
        }
    }
}

/// <summary>One runspace, and the loop that feeds it.</summary>
internal sealed class Session
{
    private readonly Options options;
    private readonly Host host;
    private readonly Runspace runspace;
    private PowerShell? running;

    public Session(Options options)
    {
        this.options = options;
        host = new Host(options.NonInteractive || options.Command is not null || options.File is not null);
        var state = InitialSessionState.CreateDefault2();
        // Elsewhere there is no such policy, and setting one fails.
        if (OperatingSystem.IsWindows() && options.ExecutionPolicy is { } policy)
            state.ExecutionPolicy = Enum.Parse<ExecutionPolicy>(policy, ignoreCase: true);
        foreach (var type in Assembly.GetExecutingAssembly().GetTypes())
        {
            if (type.GetCustomAttribute<CmdletAttribute>() is { } cmdlet)
                state.Commands.Add(new SessionStateCmdletEntry($"{cmdlet.VerbName}-{cmdlet.NounName}", type, null));
        }
        runspace = RunspaceFactory.CreateRunspace(host, state);
        runspace.Open();
        Runspace.DefaultRunspace = runspace;
        Console.CancelKeyPress += (_, signal) =>
        {
            if (running is not { } shell) return;
            signal.Cancel = true;
            shell.BeginStop(null, null);
        };
    }

    public int Run()
    {
        var succeeded = options switch
        {
            { File: { } file } => Execute(shell => AddFile(shell, file, options.Arguments)),
            { Command: { } text } when text != "-" => Execute(shell => shell.AddScript(text)),
            _ => true,
        };
        if (host.ExitCode is null && (options.NoExit || options is { File: null, Command: null or "-" })) ReadLoop();
        return host.ExitCode ?? (succeeded ? 0 : 1);
    }

    /// <summary>Reads standard input as pwsh does: a line that is not complete opens a block, which a blank line ends.</summary>
    private void ReadLoop()
    {
        var prompt = !Console.IsInputRedirected && options.Command is null;
        StringBuilder? block = null;
        while (host.ExitCode is null)
        {
            if (prompt) Console.Out.Write(block is null ? $"PS {runspace.SessionStateProxy.Path.CurrentLocation}> " : ">> ");
            if (Console.In.ReadLine() is not { } line) break;
            if (block is not null && line.Trim().Length > 0)
            {
                block.Append('\n').Append(line);
                continue;
            }
            var text = block?.ToString() ?? line;
            if (block is null && IsIncomplete(text))
            {
                block = new StringBuilder(text);
                continue;
            }
            block = null;
            if (text.Trim().Length > 0) Execute(shell => shell.AddScript(text));
        }
        if (block is not null) Execute(shell => shell.AddScript(block.ToString()));
    }

    private static bool IsIncomplete(string text)
    {
        Parser.ParseInput(text, out _, out var errors);
        return errors.Any(error => error.IncompleteInput);
    }

    private void AddFile(PowerShell shell, string file, IReadOnlyList<string> arguments)
    {
        var path = Path.GetFullPath(file);
        if (!File.Exists(path)) throw new UsageException($"The argument '{file}' is not recognized as the name of a script file.");
        // As pwsh does: in the scope of the session, and `exit` in the script ends the host with its code.
        Engine.Set(Engine.Get(runspace, "ExecutionContext"), "ScriptCommandProcessorShouldRethrowExit", true);
        shell.Commands.AddCommand(new Command(path, isScript: false, useLocalScope: false));
        for (var index = 0; index < arguments.Count; index++)
        {
            var word = arguments[index];
            if (!word.StartsWith('-') || word.Length < 2 || !char.IsLetter(word[1])) shell.AddArgument(word);
            else if (word.Split(':', 2) is [var name, var value]) shell.AddParameter(name[1..], LanguagePrimitives.ConvertTo<object>(value switch { "$true" => true, "$false" => false, _ => value }));
            else if (index + 1 < arguments.Count && !arguments[index + 1].StartsWith('-')) shell.AddParameter(word[1..], arguments[++index]);
            else shell.AddParameter(word[1..]);
        }
    }

    /// <summary>Runs one command to the host through Out-Default; false if its last command failed.</summary>
    private bool Execute(Action<PowerShell> add)
    {
        using var shell = PowerShell.Create(runspace);
        add(shell);
        shell.Commands.Commands[^1].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        shell.AddCommand("Out-Default");
        running = shell;
        try
        {
            shell.Invoke(null, new PSInvocationSettings { AddToHistory = true, Host = host });
            return host.ExitCode is not null || LastSucceeded();
        }
        catch (PipelineStoppedException)
        {
            return false;
        }
        catch (RuntimeException error)
        {
            Show(error.ErrorRecord);
            return false;
        }
        finally
        {
            running = null;
        }
    }

    private bool LastSucceeded()
    {
        using var shell = PowerShell.Create(runspace);
        return shell.AddScript("$?").Invoke<bool>() is [true];
    }

    private void Show(ErrorRecord error)
    {
        using var shell = PowerShell.Create(runspace);
        // Out-Default prints what bears this mark as an error, as it does with the errors that were merged to it.
        var record = new PSObject(error);
        Engine.Set(record, "WriteStream", Enum.Parse(Engine.Type("System.Management.Automation.WriteStreamType"), "Error"));
        shell.AddScript("$input | Out-Default").Invoke(new[] { record }, new PSInvocationSettings { Host = host });
    }
}
