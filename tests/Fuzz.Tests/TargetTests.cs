using CsCheck;

namespace ClusterLp.Fuzz.Tests;

/// <summary>Every parser of untrusted bytes takes or refuses whatever it is given; bench/fuzz looks deeper.</summary>
public sealed class TargetTests : IDisposable
{
    private const int Inputs = 3000;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    public static TheoryData<string> Names()
    {
        using var scratch = new Scratch();
        return [.. AllTargets.In(scratch).Select(target => target.Name)];
    }

    private Target Named(string name) => AllTargets.In(_scratch).Single(target => target.Name == name);

    private static Verdict Judged(Target target, byte[] input)
    {
        (Verdict verdict, string? reason) = Case.Run(target, input);
        Assert.True(verdict != Verdict.Failed, $"{Convert.ToHexString(input.AsSpan(0, Math.Min(input.Length, 4096)))}: {reason}");
        return verdict;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Valid_inputs_are_accepted_and_mutated_ones_accepted_or_refused(string name)
    {
        Target target = Named(name);
        Assert.All(target.Seeds, seed => Assert.Equal(Verdict.Accepted, Judged(target, seed)));
        var mutator = new Mutator(5, target.Tokens);
        int refused = Enumerable.Range(0, Inputs).Count(_ => Judged(target, mutator.Next(target.Seeds)) == Verdict.Refused);
        Assert.InRange(refused, 1, Inputs);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_input_cut_at_any_byte_is_accepted_or_refused(string name)
    {
        Target target = Named(name);
        foreach (byte[] seed in target.Seeds)
            for (int length = 0; length < Math.Min(seed.Length, 2000); length++)
                Judged(target, seed[..length]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_input_with_one_bit_flipped_is_accepted_or_refused(string name)
    {
        Target target = Named(name);
        Gen.Select(Gen.Int[0, target.Seeds.Length - 1], Gen.Int[0, 1 << 20]).Sample((which, place) =>
        {
            byte[] input = [.. target.Seeds[which]];
            input[place / 8 % input.Length] ^= (byte)(1 << place % 8);
            Judged(target, input);
        }, iter: 1000, threads: 1);
    }
}
