namespace ClusterLp.Chaos;

/// <summary>What is done to a job from outside.</summary>
internal enum Deed
{
    KillWorker,
    KillAllWorkers,
    TerminateWorker,
    SuspendWorker,
    AddWorker,
    KillCoordinator,
    TerminateCoordinator,
    SuspendCoordinator,
    KillEverything,
    /// <summary>Another coordinator on the same job directory, which must be turned away.</summary>
    SecondCoordinator,
    /// <summary>The coordinator is suspended until another has taken over; it must stop when it wakes.</summary>
    TakeOver,
    FlipBlob,
    DeleteBlob,
    KillAndTearJournal,
    KillAndFlipSnapshot,
    KillAndFlipBlob,
    KillAndSpoilJobFile,
    /// <summary>Until somebody has noticed.</summary>
    ChangeInput,
    CutWorker,
    CutCoordinator,
}
