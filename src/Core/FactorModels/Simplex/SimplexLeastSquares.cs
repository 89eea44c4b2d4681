using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.FactorModels.Simplex;

/// <summary>What a row came to.</summary>
/// <param name="Square">||a - w V||^2.</param>
/// <param name="Gap">The Frank-Wolfe gap: no w of the simplex has a square below <see cref="Square"/> - 2 gap.</param>
/// <param name="Iterations">Pairwise steps.</param>
internal readonly record struct SimplexSolution(double Square, double Gap, int Iterations)
{
    /// <summary>
    /// 1 - bound / ||r||, where no w makes the row's error smaller than the bound; a row fitted to better than 1e-4 of its norm is measured
    /// by that instead of its error, which rounding alone decides.
    /// </summary>
    public double Relative(double square) => Gap <= 0 ? 0 : 1 - Math.Sqrt(Math.Max(0, 1 - 2 * Gap / Math.Max(Square, SimplexLeastSquares.Exact * square)));
}

/// <summary>
/// min ||a - w V||^2 over w >= 0, sum w = 1, given G = V V^T and b = V a: pairwise Frank-Wolfe steps from the worst vertex in use to the
/// best there is (the choice of the pair by its decrease, and its exact length), with now and then the exact minimum over the vertices in use
/// (the inner step of Wolfe 1976, "Finding the nearest point in a polytope"), without which vertices that nearly depend on each
/// other take many steps. Deterministic; holds buffers, so for one thread.
/// </summary>
internal sealed class SimplexLeastSquares
{
    /// <summary>Square of the relative error below which a row's own norm is the measure.</summary>
    public const double Exact = 1e-8;

    private readonly double[] _gram, _gradient, _weights, _factor, _first, _second;
    private readonly int[] _used;
    private readonly int _k;
    private int _count;

    /// <param name="gram">G, k x k row-major, symmetric positive semi-definite.</param>
    /// <param name="k">Vertices, 1 or more.</param>
    public SimplexLeastSquares(double[] gram, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(gram.Length, (long)k * k);
        (_gram, _k) = (gram, k);
        (_gradient, _weights, _first, _second, _used, _factor) = (new double[k], new double[k], new double[k], new double[k], new int[k], new double[k * k]);
    }

    /// <summary>Most pairwise steps of a row.</summary>
    public int MostIterations => 1000 + 10 * _k;

    /// <summary>O(k) a step.</summary>
    /// <param name="products">b, k.</param>
    /// <param name="square">||a||^2.</param>
    /// <param name="tolerance">T: done where the error is certified within a factor 1 - T of the least. Above 0, below 1.</param>
    /// <param name="weights">Receives w, k.</param>
    public SimplexSolution Solve(ReadOnlySpan<double> products, double square, double tolerance, Span<double> weights)
    {
        double allowed = tolerance - tolerance * tolerance / 2;
        Start(products);
        for (int iteration = 0, polished = 0; ; iteration++)
        {
            int best = IndexOfLeast(_gradient);
            (double gap, double left) = Measure(products, square, best);
            bool done = gap <= allowed * Math.Max(left, Exact * square), last = iteration >= MostIterations;
            if (done || last)
            {
                // Steps have moved the gradient a little away from the weights'.
                Refresh(products);
                best = IndexOfLeast(_gradient);
                (gap, left) = Measure(products, square, best);
                if (last || gap <= allowed * Math.Max(left, Exact * square))
                {
                    _weights.CopyTo(weights);
                    return new SimplexSolution(Math.Max(0, left), Math.Max(0, gap), iteration);
                }
            }
            Step(best);
            if (iteration - polished >= Math.Max(16, 2 * _count))
            {
                polished = iteration;
                Polish(products);
            }
        }
    }

    private void Start(ReadOnlySpan<double> products)
    {
        int nearest = 0;
        double least = double.PositiveInfinity;
        for (int j = 0; j < _k; j++)
            if (_gram[j * _k + j] / 2 - products[j] is var value && value < least)
                (nearest, least) = (j, value);
        Array.Clear(_weights);
        (_weights[nearest], _used[0], _count) = (1, nearest, 1);
        Refresh(products);
    }

    // The gap, and the row's squared error.
    private (double Gap, double Square) Measure(ReadOnlySpan<double> products, double square, int best)
    {
        double mean = 0, cross = 0;
        foreach (int j in _used.AsSpan(0, _count))
        {
            mean += _weights[j] * _gradient[j];
            cross += _weights[j] * products[j];
        }
        return (mean - _gradient[best], square + mean - cross);
    }

    // From the vertex in use with the most to gain to the best one.
    private void Step(int best)
    {
        double most = -1, length = 0;
        int place = -1;
        for (int s = 0; s < _count; s++)
        {
            int j = _used[s];
            double slope = _gradient[j] - _gradient[best];
            if (!(slope > 0))
                continue;
            double size = _gram[best * _k + best] + _gram[j * _k + j], curve = Math.Max(size - 2 * _gram[best * _k + j], 1e-14 * size);
            double step = Math.Min(_weights[j], slope / curve);
            double gain = step * (slope - step * curve / 2);
            if (gain > most)
                (most, length, place) = (gain, step, s);
        }
        if (place < 0)
            return;
        int from = _used[place];
        if (_weights[best] == 0)
            _used[_count++] = best;
        _weights[best] += length;
        if (length < _weights[from])
            _weights[from] -= length;
        else
            Leave(place);
        FusedVectors.AddScaled(_gradient, length, _gram.AsSpan(best * _k, _k));
        FusedVectors.AddScaled(_gradient, -length, _gram.AsSpan(from * _k, _k));
    }

    private void Leave(int place)
    {
        _weights[_used[place]] = 0;
        _used[place] = _used[--_count];
    }

    // The least over the affine hull of the vertices in use, or as far towards it as weights stay positive; those that vanish leave.
    private void Polish(ReadOnlySpan<double> products)
    {
        while (_count > 1)
        {
            int independent = Factorise();
            (double[] target, double share, int leaving) = independent == _count
                ? (Minimiser(products), 1d, -1)
                : (Without(independent), double.PositiveInfinity, -1);
            for (int s = 0; s < _count; s++)
                if (target[s] < _weights[_used[s]] && _weights[_used[s]] / (_weights[_used[s]] - target[s]) is var reach && reach < share)
                    (share, leaving) = (reach, s);
            for (int s = 0; s < _count; s++)
                _weights[_used[s]] += share * (target[s] - _weights[_used[s]]);
            for (int s = _count - 1; s >= 0; s--)
                if (s == leaving || !(_weights[_used[s]] > 0))
                    Leave(s);
            if (leaving < 0)
                break;
        }
        Refresh(products);
    }

    // Cholesky's factor of G over the vertices in use, and how many from the first do not depend affinely on one another. Adding a
    // constant to all of G moves no point of the simplex, and makes it definite where all do not.
    private int Factorise()
    {
        int s = _count;
        double constant = 0;
        for (int a = 0; a < s; a++)
            constant += _gram[_used[a] * _k + _used[a]] / s;
        for (int a = 0; a < s; a++)
        {
            for (int c = 0; c <= a; c++)
            {
                double sum = _gram[_used[a] * _k + _used[c]] + constant;
                for (int t = 0; t < c; t++)
                    sum -= _factor[a * s + t] * _factor[c * s + t];
                if (c < a)
                    _factor[a * s + c] = sum / _factor[c * s + c];
                else if (sum > 1e-12 * (_gram[_used[a] * _k + _used[a]] + constant))
                    _factor[a * s + a] = Math.Sqrt(sum);
                else
                    return a;
            }
        }
        return s;
    }

    // Where the least over their affine hull lies.
    private double[] Minimiser(ReadOnlySpan<double> products)
    {
        int s = _count;
        for (int a = 0; a < s; a++)
            (_first[a], _second[a]) = (products[_used[a]], 1);
        Substitute(_first, s);
        Substitute(_second, s);
        double missing = 1, all = 0;
        for (int a = 0; a < s; a++)
            (missing, all) = (missing - _first[a], all + _second[a]);
        for (int a = 0; a < s; a++)
            _first[a] += missing / all * _second[a];
        return _first;
    }

    // The same point with less of a vertex that depends affinely on those before it: w + y, y to be taken as far as weights stay positive.
    private double[] Without(int dependent)
    {
        int s = _count;
        // Its row of the factor was solved for its place among them; the other half of the substitution gives its coordinates, which sum to 1.
        for (int a = 0; a < dependent; a++)
            _second[a] = _factor[dependent * s + a];
        SubstituteBack(_second, dependent, s);
        for (int a = 0; a < s; a++)
            _first[a] = _weights[_used[a]] + (a < dependent ? _second[a] : a == dependent ? -1 : 0);
        return _first;
    }

    private void Substitute(double[] x, int s)
    {
        for (int a = 0; a < s; a++)
        {
            for (int t = 0; t < a; t++)
                x[a] -= _factor[a * s + t] * x[t];
            x[a] /= _factor[a * s + a];
        }
        SubstituteBack(x, s, s);
    }

    private void SubstituteBack(double[] x, int s, int stride)
    {
        for (int a = s - 1; a >= 0; a--)
        {
            for (int t = a + 1; t < s; t++)
                x[a] -= _factor[t * stride + a] * x[t];
            x[a] /= _factor[a * stride + a];
        }
    }

    // Weights that sum to 1, and their gradient G w - b.
    private void Refresh(ReadOnlySpan<double> products)
    {
        double sum = 0;
        foreach (int j in _used.AsSpan(0, _count))
            sum += _weights[j];
        for (int j = 0; j < _k; j++)
            _gradient[j] = -products[j];
        foreach (int j in _used.AsSpan(0, _count))
        {
            _weights[j] /= sum;
            FusedVectors.AddScaled(_gradient, _weights[j], _gram.AsSpan(j * _k, _k));
        }
    }

    private static int IndexOfLeast(double[] values)
    {
        int at = 0;
        for (int j = 1; j < values.Length; j++)
            if (values[j] < values[at])
                at = j;
        return at;
    }
}
