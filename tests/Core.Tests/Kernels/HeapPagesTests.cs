using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Tests.Kernels;

public class HeapPagesTests
{
    private static readonly string[] Maps =
    [
        "1000-3000 r-xp 00000000 fe:00 42                         /usr/lib/libc.so.6",
        "3000-4000 rw-p 00000000 00:00 0 ",
        "7f0000000000-7f0000200000 rw-p 00000000 00:00 0 ",
        "7f0000200000-7f0000300000 ---p 00000000 00:00 0 ",
        "7f0000300000-7f0000800000 rw-p 00000000 00:00 0 ",
        "7f0000800000-7f0000900000 rw-s 00000000 00:01 7                          /memfd:doublemapper (deleted)",
        "7f0000a00000-7f0000b00000 rw-p 00000000 00:00 0 ",
        "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]",
    ];

    [Theory]
    [InlineData(0x7f0000100000, 0x7f0000000000, 0x7f0000800000)]
    [InlineData(0x7f0000700000, 0x7f0000000000, 0x7f0000800000)]
    [InlineData(0x7f0000a00000, 0x7f0000a00000, 0x7f0000b00000)]
    [InlineData(0x3abc, 0x3000, 0x4000)]
    [InlineData(0x1abc, 0, 0)]
    [InlineData(0x7f0000850000, 0, 0)]
    [InlineData(0x7f0000950000, 0, 0)]
    [InlineData(0x7ffd00000010, 0, 0)]
    public void The_heap_is_the_gapless_range_without_a_file_around_an_address(long address, long begin, long end) =>
        Assert.Equal(((nint)begin, (nint)end), HeapPages.RangeAround((nint)address, Maps));

    [Fact]
    public void Large_arrays_lie_on_huge_pages_once_advised()
    {
        string enabled = "/sys/kernel/mm/transparent_hugepage/enabled";
        if (!File.Exists(enabled) || File.ReadAllText(enabled).Contains("[never]"))
            return;
        HeapPages.Advise();
        byte[] array = GC.AllocateUninitializedArray<byte>(64 << 20, pinned: true);
        array.AsSpan().Fill(1);
        long kilobytes = long.Parse(File.ReadLines("/proc/self/smaps_rollup").First(line => line.StartsWith("AnonHugePages:")).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
        Assert.InRange(kilobytes, 32 << 10, long.MaxValue);
        GC.KeepAlive(array);
    }
}
