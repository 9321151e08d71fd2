use32
vptestmd k1{z},zmm1,zmm2
