# The image of coordinator and worker pods: docker build -t clusterlp .
# Both stages are Ubuntu 24.04 (noble), because OpenBLAS is copied from the one into the other.
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
RUN apt-get update && apt-get install -y --no-install-recommends libopenblas0-pthread && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN bash k8s/image/openblas.sh /openblas
RUN dotnet publish src/Cli -c Release -o /app --use-current-runtime --self-contained false -p:PublishReadyToRun=true

# Chiselled: .NET, its web server (block results, probes) and what they need; no shell and no package manager.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
COPY --from=build /openblas /opt/openblas
COPY --from=build /app /app
COPY LICENSE /app/
ENV LD_LIBRARY_PATH=/opt/openblas
# A number, so that runAsNonRoot can be checked.
USER 1654
ENTRYPOINT ["dotnet", "/app/clusterlp.dll"]
