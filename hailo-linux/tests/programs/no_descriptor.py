"""Opens a board when there is no descriptor left, and then when there is one."""
import os
import resource

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
spare = os.open("/dev/null", os.O_RDONLY)
resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, most))
try:
    os.open("/dev/hailo0", os.O_RDWR)
    raise SystemExit("a descriptor beyond the limit")
except OSError as error:
    print(os.strerror(error.errno))
os.close(spare)
os.close(os.open("/dev/hailo0", os.O_RDWR))
