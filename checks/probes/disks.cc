#include "checks/probes/disks.h"

namespace pgvigil {

const Probe<Disk> disks{{.id = "disks",
                         .title = "File systems that the server writes to",
                         .scope = Scope::host,
                         .metrics = {{"pgvigil_disk_size_bytes",
                                      "Size of the file system",
                                      MetricKind::gauge,
                                      "total",
                                      {{"holds", "holds"}, {"source", "source"}}},
                                     {"pgvigil_disk_available_bytes",
                                      "Bytes that the server may still write",
                                      MetricKind::gauge,
                                      "available",
                                      {{"holds", "holds"}, {"source", "source"}}}}},
                        {{"holds", &Disk::holds},
                         {"path", &Disk::path},
                         {"source", &Disk::source},
                         {"total", &Disk::total},
                         {"available", &Disk::available},
                         {"files_total", &Disk::files_total},
                         {"files_free", &Disk::files_free}},
                        [](const Disk& d) { return d.holds; }};

}  // namespace pgvigil
