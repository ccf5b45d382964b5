"""A phone's answer to the script that looks at devices."""

from __future__ import annotations

PHONE = """== properties
ro.product.manufacturer=Google
ro.product.model=Pixel 8
ro.soc.manufacturer=Google
ro.soc.model=Tensor G3
ro.build.version.release=15
ro.build.version.sdk=35
ro.build.fingerprint=google/shiba/shiba:15/AP4A/1:user/release-keys
== system
machine=aarch64
kernel=Linux
user=2000
boot=8a6ce1c6-0000-4000-8000-3d3c6ed3ae0b
libc=bionic
svc=yes
cmd=yes
page=16384
allowed=0-2,4-8
parts= 4 0xd46 4 0xd4d 1 0xd4e
== tools
== cores
0 1704000 1704000 sched_pixel 1
1 1704000 1704000 sched_pixel 1
2 1704000 1704000 sched_pixel 1
3 1704000 1704000 sched_pixel 1
4 2367000 2367000 sched_pixel 1
5 2367000 2367000 sched_pixel 1
6 2367000 2367000 sched_pixel 1
7 2367000 2367000 sched_pixel 1
8 2914000 1500000 sched_pixel 1
== thermal
IsStatusOverride: false
ThermalEventListeners:
	callbacks: 2
Thermal Status: 2
Cached temperatures:
== zones
41000 BIG
-274000 broken
2000000 nonsense
38000 battery
== battery
Current Battery Service state:
  AC powered: false
  USB powered: true
  level: 15
  temperature: 391
== graphics
GLES: ARM, Mali-G715, OpenGL ES 3.2 v1.r44p0
== storage
/dev/block/dm-50 112233344 11223334 101010 90% /data
== performance
set-fixed-performance-mode-enabled
== end
"""
"""A Pixel 8 that is warm, nearly empty and full: one core is capped, one is kept from the shell."""
