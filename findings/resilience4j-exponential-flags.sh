#!/usr/bin/env bash
# Settings of exponential back-off that resilience4j 2.4.0 accepts and ignores, without an error or a warning
# (resilience4j-framework-common, which reads the settings of Spring Boot applications).
#
# 1. retry: with `enableExponentialBackoff: true` and no `waitDuration` in the same instance all waits are the same: 500 ms, or
#    the `waitDuration` of the configuration that the instance is based on.
# 2. circuitbreaker: `exponentialMaxWaitDurationInOpenState` has no effect unless `exponentialBackoffMultiplier` is written:
#    without it the waits grow with the default factor of 1.5, past the maximum.
#
# Breakwater: `breakwater import resilience4j` writes what the keys say, and a comment says what resilience4j does.
# Needs a JDK (17 or later) and Maven.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>p</groupId><artifactId>p</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.github.resilience4j</groupId><artifactId>resilience4j-framework-common</artifactId><version>2.4.0</version></dependency>
    <dependency><groupId>io.github.resilience4j</groupId><artifactId>resilience4j-all</artifactId><version>2.4.0</version></dependency>
  </dependencies>
</project>
XML
mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib > mvn.log 2>&1 || { cat mvn.log; exit 2; }

cat > Waits.java <<'JAVA'
import io.github.resilience4j.common.CompositeCustomizer;
import io.github.resilience4j.common.circuitbreaker.configuration.*;
import io.github.resilience4j.common.retry.configuration.*;
import java.time.Duration;
import java.util.List;

public class Waits {
  static class Retries extends CommonRetryConfigurationProperties {}
  static class Circuits extends CommonCircuitBreakerConfigurationProperties {}

  static CommonRetryConfigurationProperties.InstanceProperties retry() {
    return new CommonRetryConfigurationProperties.InstanceProperties().setEnableExponentialBackoff(true);
  }

  static void showRetry(String title, Retries retries, CommonRetryConfigurationProperties.InstanceProperties each) {
    retries.getInstances().put(title, each);
    var config = retries.createRetryConfig(title, new CompositeCustomizer<RetryConfigCustomizer>(List.of()));
    var line = new StringBuilder(title + ":");
    for (int i = 1; i <= 4; i++) line.append(' ').append(config.getIntervalBiFunction().apply(i, null));
    System.out.println(line);
  }

  static void showCircuit(String title, Double factor) {
    var each = new CommonCircuitBreakerConfigurationProperties.InstanceProperties();
    each.setEnableExponentialBackoff(true);
    each.setWaitDurationInOpenState(Duration.ofSeconds(10));
    each.setExponentialMaxWaitDurationInOpenState(Duration.ofSeconds(20));
    if (factor != null) each.setExponentialBackoffMultiplier(factor);
    var config = new Circuits()
        .createCircuitBreakerConfig(title, each, new CompositeCustomizer<CircuitBreakerConfigCustomizer>(List.of()));
    var line = new StringBuilder(title + ":");
    for (int i = 1; i <= 4; i++) line.append(' ').append(config.getWaitIntervalFunctionInOpenState().apply(i));
    System.out.println(line);
  }

  public static void main(String[] arguments) {
    var retries = new Retries();
    var base = new CommonRetryConfigurationProperties.InstanceProperties().setWaitDuration(Duration.ofMillis(100));
    retries.getConfigs().put("base", base);
    showRetry("retry, waitDuration beside the flag", retries, retry().setWaitDuration(Duration.ofMillis(100)));
    showRetry("retry, no waitDuration", retries, retry());
    showRetry("retry, waitDuration in the base", retries, retry().setBaseConfig("base"));
    showCircuit("circuit, maximum 20 s, factor written", 2.0);
    showCircuit("circuit, maximum 20 s, factor not written", null);
  }
}
JAVA
javac -cp 'lib/*' Waits.java
java -cp 'lib/*:.' Waits 2> /dev/null > seen.txt

cat > expected.txt <<'TEXT'
retry, waitDuration beside the flag: 100 150 225 337
retry, no waitDuration: 500 500 500 500
retry, waitDuration in the base: 100 100 100 100
circuit, maximum 20 s, factor written: 10000 20000 20000 20000
circuit, maximum 20 s, factor not written: 10000 15000 22500 33750
TEXT

echo 'seen:'
cat seen.txt
echo 'expected:'
cat expected.txt
diff expected.txt seen.txt
