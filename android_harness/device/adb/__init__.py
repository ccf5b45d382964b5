"""Android devices over ADB: directly (USB, TCP) or through a running adb server."""
